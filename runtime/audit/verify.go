package audit

import (
	"context"
	"fmt"
	"slices"
)

const (
	// verifyPage is how many entries are read at a time.
	verifyPage = 2000
	// nearby is how far from its place an entry is looked for that is not where it belongs.
	nearby = 1000
)

// Problem is what is wrong with a chain, by the place at which it shows.
type Problem string

// Problems.
const (
	// Missing says that entries are not there, in the middle or at the beginning.
	Missing Problem = "missing"
	// Truncated says that entries are not there at the end.
	Truncated Problem = "truncated"
	// Changed says that the entry's hash is not that of what it says.
	Changed Problem = "changed"
	// Moved says that the entry was written at another place.
	Moved Problem = "moved"
	// Broken says that the entry does not follow the one before: one of both was replaced.
	Broken Problem = "broken"
	// Diverged says that the entry is another one than was exported: the log was written anew from there or from before.
	Diverged Problem = "diverged"
	// Unended says that the head beside the chain is not that of its last entry.
	Unended Problem = "unended"
	// Unsigned says that nobody trusted has signed the last export.
	Unsigned Problem = "unsigned"
	// Forged says that an export's signature is not the key's whose name it has.
	Forged Problem = "forged"
)

// Fault is a problem and where it is.
type Fault struct {
	Tenant  string  `json:"tenant"`
	N       int64   `json:"n"`
	Problem Problem `json:"problem"`
	Detail  string  `json:"detail"`
}

// String is for people.
func (f Fault) String() string {
	return fmt.Sprintf("tenant %s, entry %d: %s: %s", f.Tenant, f.N, f.Problem, f.Detail)
}

// Verified is what was found of a tenant's chain.
type Verified struct {
	Tenant string
	// Head is the last entry that was looked at.
	Head Head
	// Checkpoints is how many exported heads the chain was compared with.
	Checkpoints int
	Faults      []Fault
}

// Checkpoint is a head that was exported: what the chain must still hold.
type Checkpoint struct {
	Head
	// Name is where it was exported to.
	Name string
}

// Verify looks at every entry of a tenant's chain that is there when it begins, and compares it with checkpoints. It reports every fault; an
// error says that it could not look.
func Verify(ctx context.Context, chain Chain, tenant string, checkpoints []Checkpoint) (Verified, error) {
	v := newVerifier(tenant, checkpoints)
	head, last, err := chain.End(ctx, tenant)
	if err != nil {
		return v.done, err
	}
	for v.last.N < last {
		page, err := chain.Entries(ctx, tenant, v.last.N, last, verifyPage)
		if err != nil {
			return v.done, err
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			v.entry(e)
		}
	}
	v.end(head)
	return v.done, nil
}

// verifier goes along one chain.
type verifier struct {
	last        Head
	checkpoints []Checkpoint // by place; those that are passed are gone
	done        Verified
}

func newVerifier(tenant string, checkpoints []Checkpoint) *verifier {
	sorted := slices.SortedFunc(slices.Values(checkpoints), func(a, b Checkpoint) int { return int(min(max(a.N-b.N, -1), 1)) })
	return &verifier{
		last: Head{Hash: Genesis(tenant)}, checkpoints: sorted,
		done: Verified{Tenant: tenant, Head: Head{Hash: Genesis(tenant)}, Checkpoints: len(checkpoints)},
	}
}

func (v *verifier) fault(n int64, p Problem, format string, args ...any) {
	v.done.Faults = append(v.done.Faults, Fault{Tenant: v.done.Tenant, N: n, Problem: p, Detail: fmt.Sprintf(format, args...)})
}

// entry looks at the next entry, whose place is greater than the last one's.
func (v *verifier) entry(e Entry) {
	follows := e.N == v.last.N+1
	if !follows {
		v.fault(v.last.N+1, Missing, "entries %d to %d are not there", v.last.N+1, e.N-1)
	}
	switch written, ok := writtenAt(e); {
	case e.Sum() == e.Hash && follows && e.Prev != v.last.Hash:
		v.fault(e.N, Broken, "it does not follow entry %d: one of them was replaced", e.N-1)
	case e.Sum() == e.Hash:
	case ok:
		v.fault(e.N, Moved, "it was written as entry %d", written)
	default:
		v.fault(e.N, Changed, "its hash is not that of what it says")
	}
	for len(v.checkpoints) > 0 && v.checkpoints[0].N <= e.N {
		c := v.checkpoints[0]
		v.checkpoints = v.checkpoints[1:]
		// One at a place that is missing was reported with it.
		if c.N == e.N && c.Hash != e.Hash {
			v.fault(e.N, Diverged, "%s was exported with another entry", c.Name)
		}
	}
	v.last = Head{e.N, e.Hash}
	v.done.Head = v.last
}

// end compares the head beside the chain, and what was exported from beyond its end.
func (v *verifier) end(head Head) {
	switch {
	case head.N > v.last.N:
		v.fault(v.last.N+1, Truncated, "the log had %d entries", head.N)
	case head != v.last:
		v.fault(v.last.N, Unended, "the head beside the log names entry %d, or another hash", head.N)
	}
	for _, c := range v.checkpoints {
		v.fault(v.last.N+1, Truncated, "%s was exported when the log had %d entries", c.Name, c.N)
	}
}

// writtenAt finds the place nearby at which an entry's hash would be right.
func writtenAt(e Entry) (int64, bool) {
	if e.Sum() == e.Hash {
		return e.N, true
	}
	at := e.N
	for e.N = max(1, at-nearby); e.N <= at+nearby; e.N++ {
		if e.Sum() == e.Hash {
			return e.N, true
		}
	}
	return 0, false
}
