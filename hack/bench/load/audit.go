package load

import (
	"fmt"
	"strings"
)

// faults are what must not happen.
type faults struct {
	doubled, gaps, mixed, unknown, twiceAcked, refused, closed, code int
	// why is the last refusal.
	why string
}

func (x faults) list() (out []string) {
	for _, c := range []struct {
		n    int
		what string
	}{
		{x.doubled, "entries came twice"}, {x.gaps, "entries came with a gap before them"},
		{x.mixed, "entries differ between members"}, {x.unknown, "acknowledgments are of messages never sent"},
		{x.twiceAcked, "messages were acknowledged twice"}, {x.refused, "refusals were final, the last " + x.why},
	} {
		if c.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if x.closed > 0 {
		out = append(out, fmt.Sprintf("%d connections ended, the last with code %d", x.closed, x.code))
	}
	return out
}

// Stored is a conversation's log as the server's store has it, from Head+1 on: the client_msg_id of each seq.
type Stored map[string][]StoredEntry

// StoredEntry is one entry of a log.
type StoredEntry struct {
	Seq uint64
	ID  string
}

// Audit says what is wrong with a run whose fleet has settled, if anything: every acknowledged message is stored under its seq, seqs
// have no gap, nothing is there twice, and every member who reads has got all of it.
func (f *Fleet) Audit(stored Stored) error {
	wrong := f.faults.list()
	if f.open > 0 || f.owed > 0 {
		wrong = append(wrong, fmt.Sprintf("%d messages have no answer and %d deliveries never came", f.open, f.owed))
	}
	add := func(format string, args ...any) {
		if len(wrong) < 20 {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	found := 0
	seen := make([]bool, len(f.msgs))
	for _, v := range f.Convs {
		log := stored[v.Name]
		for i, e := range log {
			if e.Seq != log[0].Seq+uint64(i) {
				add("%s: seq %d follows %d", v.Name, e.Seq, log[i-1].Seq)
				break
			}
		}
		head := v.Head
		for _, e := range log {
			head = e.Seq
			id := -1
			if _, err := fmt.Sscan(e.ID, &id); err != nil || id < 0 || id >= len(f.msgs) || e.Seq <= v.Head {
				continue
			}
			switch {
			case seen[id]:
				add("message %d is stored twice", id)
			case f.msgs[id].seq != 0 && f.msgs[id].seq != e.Seq:
				add("message %d is stored as %d and acknowledged as %d", id, e.Seq, f.msgs[id].seq)
			}
			seen[id] = true
			found++
		}
		for _, m := range v.Members {
			if m.welcome && !m.deaf && m.last != head {
				add("%s has %s up to %d of %d", m.User, v.Name, m.last, head)
			}
		}
	}
	missing := 0
	for id := range f.msgs {
		if f.msgs[id].seq != 0 && !seen[id] {
			missing++
		}
	}
	if missing > 0 {
		add("%d acknowledged messages are not stored", missing)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("audit: %s", strings.Join(wrong, "; "))
	}
	return nil
}
