package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func TestMarksAreStoredAndShown(t *testing.T) {
	w, url := realWorld(t)
	room := group(t, url, "bob", "carol")
	for i := range 3 {
		send(t, url, room, "alice", fmt.Sprint("k", i), "hello") // 2, 3, 4
	}
	into[protocol.DeviceDetails](t, call(t, url, ask{method: http.MethodPut, path: "/v1/devices/phone", token: "bob", body: `{"platform":"ios"}`}), http.StatusOK)
	mark := func(kind, token, body string) protocol.MarkConversation {
		return into[protocol.MarkConversation](t, call(t, url, ask{method: http.MethodPost, path: room + "/" + kind, token: token, body: body}), http.StatusOK)
	}
	receipts := func(seq int) []protocol.Receipt {
		return get[protocol.Receipts](t, url, fmt.Sprintf("%s/messages/%d/receipts", room, seq), "alice").Receipts
	}
	none := []protocol.Receipt{{User: "bob"}, {User: "carol"}}
	if diff := cmp.Diff(none, receipts(3)); diff != "" {
		t.Errorf("at first, -want +got:\n%s", diff)
	}

	if got := mark("delivered", "bob", `{"seq":3,"device":"phone"}`); got.Seq != 3 {
		t.Errorf("the mark is %+v", got)
	}
	if got := mark("read", "carol", `{"seq":1000}`); got.Seq != 4 {
		t.Errorf("a mark beyond the head is %+v", got)
	}
	mark("read", "carol", `{"seq":2}`) // lower: nothing
	if diff := cmp.Diff([]protocol.Receipt{{User: "bob", Delivered: true}, {User: "carol", Delivered: true, Read: true}}, receipts(3)); diff != "" {
		t.Errorf("later, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]protocol.Receipt{{User: "bob"}, {User: "carol", Delivered: true, Read: true}}, receipts(4)); diff != "" {
		t.Errorf("of the next one, -want +got:\n%s", diff)
	}

	// They were stored before they were answered, and everybody else learns of them.
	m, err := w.Store.Membership(t.Context(), w.User("carol"), w.Conv(room[len("/v1/conversations/"):]))
	if err != nil || m.Read != 4 {
		t.Errorf("the store has %+v, %v", m, err)
	}
	w.Eventually("Kafka knows", func() bool { return w.MarkLog.Published(w.User("carol")) == 4 })
	w.Marks.Break(true)
	if diff := cmp.Diff([]protocol.Receipt{{User: "bob", Delivered: true}, {User: "carol", Delivered: true, Read: true}}, receipts(3)); diff != "" {
		t.Errorf("without the cache, -want +got:\n%s", diff)
	}
	w.Marks.Break(false)

	wantProblem(t, call(t, url, ask{method: http.MethodPost, path: room + "/delivered", token: "bob", body: `{"seq":1,"device":"other"}`}),
		protocol.CodeInvalid, "only registered devices have marks")
	wantProblem(t, call(t, url, ask{method: http.MethodPost, path: room + "/delivered", token: "bob", body: `{"seq":1}`}), protocol.CodeInvalid, "whose?")
	wantProblem(t, call(t, url, ask{method: http.MethodPost, path: room + "/delivered", token: "bob!t@tablet", body: `{"seq":1,"device":"phone"}`}),
		protocol.CodeForbidden, "another device's token")
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: room + "/messages/1/receipts", token: "bob"}), protocol.CodeNotFound, "no message")
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: room + "/messages/2/receipts", token: "eve"}), protocol.CodeNotMember, "a stranger")
}

// Who has a message and who has read it: of the cache and the store, the one that knows more.
func TestReceiptsTakeTheHigherOfCacheAndStore(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	url := w.Gateway("g1", nil).URL
	v := w.Create("room", "alice", "bob", "cid", "dan", "eve", "gone")
	w.Say(v, "alice", "one", "two") // 2, 3
	w.Change(v, "gone", false)      // 4
	w.Change(v, "zoe", true)        // 5
	stored := func(user string, delivered, read uint64) {
		t.Helper()
		if err := errors.Join(
			w.Store.RaiseDelivered(t.Context(), w.User(user), v, "phone", delivered), w.Store.RaiseRead(t.Context(), w.User(user), v, read),
		); err != nil {
			t.Fatal(err)
		}
	}
	stored("bob", 3, 2)
	stored("cid", 2, 3)
	stored("dan", 1, 1)
	cached := func(user, device string, delivered, read uint64) {
		t.Helper()
		if err := w.Marks.RaiseMarks(t.Context(), w.User(user), v, device, delivered, read); err != nil {
			t.Fatal(err)
		}
	}
	cached("bob", "phone", 1, 1)
	cached("dan", "phone", 0, 3)
	cached("eve", "old", 1, 0)
	cached("eve", "new", 3, 0)

	bob, cid := protocol.Receipt{User: "bob", Delivered: true}, protocol.Receipt{User: "cid", Delivered: true, Read: true}
	for _, tc := range []struct {
		reason   string
		cache    bool
		dan, eve protocol.Receipt
	}{
		{"who has read it has it, and one device is enough", true, protocol.Receipt{User: "dan", Delivered: true, Read: true}, protocol.Receipt{User: "eve", Delivered: true}},
		{"without the cache the store alone", false, protocol.Receipt{User: "dan"}, protocol.Receipt{User: "eve"}},
	} {
		w.Marks.Break(!tc.cache)
		got := get[protocol.Receipts](t, url, "/v1/conversations/room/messages/3/receipts", "alice").Receipts
		if diff := cmp.Diff([]protocol.Receipt{bob, cid, tc.dan, tc.eve}, got); diff != "" {
			t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
		}
	}
	for who, code := range map[string]protocol.Code{"zoe": protocol.CodeNotFound, "gone": protocol.CodeNotMember, "stranger": protocol.CodeNotMember} {
		wantProblem(t, call(t, url, ask{method: http.MethodGet, path: "/v1/conversations/room/messages/3/receipts", token: who}), code,
			who+" was no member when it was sent, or is none")
	}
}

func TestReceiptsPageByUser(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob", "carol", "dave")
	_, m := send(t, url, room, "bob", "k", "hello")
	path := fmt.Sprintf("%s/messages/%d/receipts?limit=2", room, m.Seq)
	first := get[protocol.Receipts](t, url, path, "bob")
	second := get[protocol.Receipts](t, url, path+"&cursor="+first.Next, "bob")
	got := slices.Concat(first.Receipts, second.Receipts)
	if diff := cmp.Diff([]protocol.Receipt{{User: "alice"}, {User: "carol"}, {User: "dave"}}, got); diff != "" || first.Next == "" || second.Next != "" {
		t.Errorf("next %q, then %q, -want +got:\n%s", first.Next, second.Next, diff)
	}
}
