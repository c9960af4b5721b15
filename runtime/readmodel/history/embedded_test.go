package history_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// The same over a real store: batches, buckets and memberships as they are kept.
func TestOverAStore(t *testing.T) {
	s, err := embedded.Open("", embedded.Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ctx := t.Context()
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	members := []store.Member{{User: l.User("ann"), Role: store.RoleOwner, Joined: 1}, {User: l.User("bob"), Role: store.RoleMember, Joined: 1}}
	err = s.Create(ctx, store.Conversation{Conv: l.Conv, Kind: store.Group}, members, l.Batch(readmodeltest.Add("ann", "ann", "bob")), store.AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	say := func(to uint64) {
		t.Helper()
		for l.Head() < to {
			var entries []*logpb.Entry
			for range min(store.MaxBatchEntries, store.BucketEnd(l.Head()+1)-l.Head(), to-l.Head()) {
				entries = append(entries, readmodeltest.Say("ann", fmt.Sprint("message ", l.Head())))
			}
			if err := s.Append(ctx, l.Conv, l.Batch(entries...), store.AppendOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	change := func(b *logpb.Batch, changes ...store.MemberChange) {
		t.Helper()
		if err := s.ChangeMembers(ctx, l.Conv, b, changes, store.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	say(store.BucketSeqs - 10)
	change(l.Batch(readmodeltest.Remove("ann", "bob")), store.MemberChange{User: l.User("bob"), Left: l.Head()})
	left := l.Head()
	say(store.BucketSeqs + 50)
	change(l.Batch(readmodeltest.Add("ann", "bob")), store.MemberChange{User: l.User("bob"), Role: store.RoleMember, Joined: l.Head()})
	joined := l.Head()
	say(store.BucketSeqs + 200)

	want := append(upTo(1, left), upTo(joined, l.Head())...)
	r := history.NewReader(s, holds(l, 0)) // the read model has nothing yet
	for _, forward := range []bool{true, false} {
		if diff := cmp.Diff(want, pageAll(t, r, l, 200, forward)); diff != "" {
			t.Errorf("forward %v (-want +got):\n%s", forward, diff)
		}
	}
}
