package gateway_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// memberMarks is a cache that knows what the test says.
type memberMarks func(users []store.User) ([]cache.Marks, error)

func (f memberMarks) MemberMarks(_ context.Context, _ store.Conv, users []store.User) ([]cache.Marks, error) {
	return f(users)
}

// Who has a message and who has read it: of the cache and the store, the one that knows more.
func TestReceiptsOnRequest(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	cached := func(users []store.User) ([]cache.Marks, error) {
		out := make([]cache.Marks, len(users))
		for i, u := range users {
			switch u.ID() {
			case "dan":
				out[i].Read = 3
			case "eve":
				out[i].Delivered = map[string]uint64{"old": 1, "new": 3}
			}
		}
		return out, nil
	}
	var answer memberMarks
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.MemberMarks = memberMarks(func(users []store.User) ([]cache.Marks, error) { return answer(users) })
	})
	v := w.Create("room", "alice", "bob", "cid", "dan", "eve", "gone")
	w.Say(v, "alice", "one", "two")  // 2, 3
	w.Change(v, "gone", false)       // 4
	late := w.Change(v, "zoe", true) // 5
	raise := func(user string, delivered, read uint64) {
		t.Helper()
		if err := errors.Join(w.Store.RaiseDelivered(t.Context(), w.User(user), v, "phone", delivered), w.Store.RaiseRead(t.Context(), w.User(user), v, read)); err != nil {
			t.Fatal(err)
		}
	}
	raise("bob", 3, 2)
	raise("cid", 2, 3)

	item := func(user string, delivered, read bool) protocol.MemberReceipt {
		return protocol.MemberReceipt{User: user, Delivered: delivered, Read: read}
	}
	broken := memberMarks(func([]store.User) ([]cache.Marks, error) { return nil, gatewaytest.ErrBroken })
	for _, tc := range []struct {
		reason string
		cache  memberMarks
		after  string
		limit  int
		want   protocol.ReceiptsPage
	}{
		{"who has read it has it", cached, "", 100, protocol.ReceiptsPage{Items: []protocol.MemberReceipt{
			item("bob", true, false), item("cid", true, true), item("dan", true, true), item("eve", true, false), item("gone", false, false),
		}}},
		{"without the cache the store alone", broken, "", 100, protocol.ReceiptsPage{Items: []protocol.MemberReceipt{
			item("bob", true, false), item("cid", true, true), item("dan", false, false), item("eve", false, false), item("gone", false, false),
		}}},
		{"a page", cached, "bob", 2, protocol.ReceiptsPage{Next: "dan", Items: []protocol.MemberReceipt{item("cid", true, true), item("dan", true, true)}}},
		{"the last page", cached, "dan", 2, protocol.ReceiptsPage{Items: []protocol.MemberReceipt{item("eve", true, false), item("gone", false, false)}}},
	} {
		answer = tc.cache
		got, err := g.Receipts(t.Context(), w.User("alice"), v, 3, tc.after, tc.limit)
		if err != nil {
			t.Fatalf("%s: %v", tc.reason, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
		}
	}
	for _, who := range []string{"zoe", "gone", "stranger"} {
		if got, err := g.Receipts(t.Context(), w.User(who), v, late-1, "", 10); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s, who was no member when it was sent or is none, gets %v, %v", who, got, err)
		}
	}
}
