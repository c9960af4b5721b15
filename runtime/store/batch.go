package store

import (
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// MaxBatchStored is how large a batch may be at most: DynamoDB's items end at 400 KB, keys included.
const MaxBatchStored = 384 << 10

// ErrInvalid is wrapped by every error about an argument that can never be stored. Nothing was written.
var ErrInvalid = errors.New("invalid argument")

// CheckBatch returns an error that wraps ErrInvalid unless the batch has 1 to MaxBatchEntries entries with consecutive
// seqs, an id, at most MaxBatchStored bytes, and stays within one bucket.
func CheckBatch(b *logpb.Batch) error {
	entries := b.GetEntries()
	switch {
	case len(b.GetId()) == 0:
		return fmt.Errorf("%w: the batch has no id", ErrInvalid)
	case len(entries) == 0:
		return fmt.Errorf("%w: the batch is empty", ErrInvalid)
	case len(entries) > MaxBatchEntries:
		return fmt.Errorf("%w: the batch has %d entries, more than %d", ErrInvalid, len(entries), MaxBatchEntries)
	}
	first := First(b)
	if first == 0 {
		return fmt.Errorf("%w: seqs start at 1", ErrInvalid)
	}
	for i, e := range entries {
		if e.GetSeq() != first+uint64(i) {
			return fmt.Errorf("%w: entry %d of the batch has seq %d, not %d", ErrInvalid, i, e.GetSeq(), first+uint64(i))
		}
	}
	if Last(b) > BucketEnd(first) {
		return fmt.Errorf("%w: the batch crosses the end of its bucket at %d", ErrInvalid, BucketEnd(first))
	}
	if n := proto.Size(b); n > MaxBatchStored {
		return fmt.Errorf("%w: the batch has %d bytes, more than %d", ErrInvalid, n, MaxBatchStored)
	}
	return nil
}

// CheckMembers returns an error that wraps ErrInvalid unless at most MaxMemberChange of them come or go and at most
// MaxRoleChange only change their role, all of the conversation's tenant, and each user once.
func CheckMembers(c Conv, members []Member) error {
	moves, roles := 0, 0
	seen := make(map[User]bool, len(members))
	for _, m := range members {
		if m.User.Tenant() != c.Tenant() {
			return fmt.Errorf("%w: a member of another tenant", ErrInvalid)
		}
		if seen[m.User] {
			return fmt.Errorf("%w: user %q is named twice", ErrInvalid, m.User.ID())
		}
		seen[m.User] = true
		if m.Stays() {
			roles++
		} else {
			moves++
		}
	}
	switch {
	case moves > MaxMemberChange:
		return fmt.Errorf("%w: %d members at once, more than %d", ErrInvalid, moves, MaxMemberChange)
	case roles > MaxRoleChange:
		return fmt.Errorf("%w: %d roles at once, more than %d", ErrInvalid, roles, MaxRoleChange)
	}
	return nil
}

// NewTitle returns the title that the batch gives the conversation, if it gives one.
func NewTitle(b *logpb.Batch) (title string, renamed bool) {
	for _, e := range b.GetEntries() {
		if r := e.GetRenamed(); r != nil {
			title, renamed = r.GetTitle(), true
		}
	}
	return title, renamed
}

// ReadFrom returns the lowest seq at which the batch that holds from can start, never before from's bucket.
func ReadFrom(from uint64) uint64 {
	start := Bucket(from)*BucketSeqs + 1
	if from-start < MaxBatchEntries {
		return start
	}
	return from - (MaxBatchEntries - 1)
}

// OutboxShard returns the shard in which the conversation's owed batches are.
func OutboxShard(c Conv) int {
	return int(xxhash.Sum64String(string(c.tenant)+"\x00"+c.id) % OutboxShards)
}

// CheckFirst is CheckBatch for the batch with which a log begins: it starts at 1.
func CheckFirst(b *logpb.Batch) error {
	if err := CheckBatch(b); err != nil {
		return err
	}
	if First(b) != 1 {
		return fmt.Errorf("%w: a log begins at 1, not at %d", ErrInvalid, First(b))
	}
	return nil
}
