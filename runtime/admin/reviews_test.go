package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// sent are the sends so far, in words.
func (w *world) sent() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sends {
		v := s.GetVerdict()
		out = append(out, fmt.Sprint(s.GetTenant(), " ", s.GetConversation(), " ", s.GetUser(), " ", s.GetClientMsgId(), " ", v.GetTarget(), " ",
			v.GetAction(), " ", v.GetProcessor()))
	}
	return out
}

func TestAModeratorReviews(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		r, err := w.review(summary("acme", "room").Conv, uint64(10+i))
		if err != nil {
			t.Fatal(err)
		}
		w.queue = append(w.queue, r)
	}
	first := get[admin.Reviews](w, mia, "/reviews?limit=3")
	rest := get[admin.Reviews](w, mia, "/reviews?limit=3&cursor="+first.Next)
	if len(first.Reviews) != 3 || len(rest.Reviews) != 2 || rest.Next != "" || rest.Reviews[0].Seq != 13 {
		t.Errorf("%+v\n%+v", first, rest)
	}
	if got := get[admin.Reviews](w, mia, "/reviews?state=reverted"); len(got.Reviews) > 0 {
		t.Errorf("%+v", got)
	}
	one := get[admin.Review](w, mia, "/reviews/room/42")
	if one.Action != "hide" || one.Author != "eve" || one.Decision != nil {
		t.Errorf("%+v", one)
	}
	shown := get[admin.Messages](w, mia, "/reviews/room/42/messages")
	if len(shown.Entries) != 1 || shown.Entries[0].Body != "buy now" || shown.Entries[0].Verdict.Action != "hide" {
		t.Errorf("a moderator sees what is hidden: %+v", shown)
	}
	decided := post[admin.Decided](w, mia, "/reviews/room/42/revert", "", http.StatusOK)
	if decided != (admin.Decided{State: "reverted", Seq: 57, AtMS: 1_764_100_000_000}) {
		t.Errorf("%+v", decided)
	}
	post[admin.Decided](w, mia, "/reviews/room/42/confirm", "", http.StatusOK)
	post[admin.Decided](w, ops, "/reviews/room/42/revert?tenant=acme", "", http.StatusOK)
	want := []string{
		"acme room mia review.43.reverted 42 none chatcluster.io/moderator",
		"acme room mia review.43.confirmed 42 hide chatcluster.io/moderator",
		"acme room chatcluster.io/platform review.43.reverted 42 none chatcluster.io/moderator",
	}
	if d := cmp.Diff(want, w.sent()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	said := strings.Join(w.topic.said(), "\n")
	for _, line := range []string{
		"acme by:mia about:eve conversation=room conversation_kind=group operation=reviews.messages outcome=done seq=42",
		"acme by:mia about:eve action=none conversation=room conversation_kind=group operation=reviews.revert outcome=asked seq=42",
		"acme by:mia about:eve action=none conversation=room conversation_kind=group operation=reviews.revert outcome=done seq=42",
		"acme by: about:eve action=none by=platform conversation=room conversation_kind=group operation=reviews.revert outcome=done seq=42",
		"admin by:olga about: operation=reviews.revert outcome=done tenant=acme",
	} {
		if !strings.Contains(said, line+"\n") && !strings.HasSuffix(said, line) {
			t.Errorf("not on record: %s\n%s", line, said)
		}
	}
}

func TestWhatIsDecidedIsDecidedOnce(t *testing.T) {
	w := newWorld(t)
	open := w.review
	for _, state := range []string{readmodel.ReviewConfirmed, readmodel.ReviewReverted} {
		w.review = func(c store.Conv, seq uint64) (readmodel.Review, error) {
			r, err := open(c, seq)
			r.State, r.DecidedBy, r.DecidedSeq, r.DecidedAtMS = state, "moe", 50, 9
			return r, err
		}
		path := "/reviews/room/42/" + map[string]string{"confirmed": "confirm", "reverted": "revert"}[state]
		if got := post[admin.Decided](w, mia, path, "", http.StatusOK); got != (admin.Decided{State: state, Seq: 50, AtMS: 9}) {
			t.Errorf("%+v", got)
		}
		if sent := w.sent(); len(sent) > 0 {
			t.Errorf("%s again: %q", state, sent)
		}
		if one := get[admin.Review](w, mia, "/reviews/room/42"); one.Decision == nil || one.Decision.By != "moe" {
			t.Errorf("%+v", one)
		}
	}
	// The other way round it is another decision, which is named after the last one.
	post[admin.Decided](w, mia, "/reviews/room/42/confirm", "", http.StatusOK)
	if d := cmp.Diff([]string{"acme room mia review.50.confirmed 42 hide chatcluster.io/moderator"}, w.sent()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAModeratorJudges(t *testing.T) {
	w := newWorld(t)
	const path = "/conversations/room/messages/42/verdict"
	a := w.call(ask{
		method: http.MethodPost, path: path, token: mia, body: `{"action":"mask","reason":"insult","spans":[{"start":1,"length":2}]}`,
		head: http.Header{"Idempotency-Key": {"k1"}},
	})
	if got := into[admin.Decided](w, a, http.StatusCreated); got.State != "confirmed" || a.Header.Get("Idempotency-Key") != "k1" {
		t.Errorf("%+v", got)
	}
	post[admin.Decided](w, mia, path, `{"action":"hide","revision":7}`, http.StatusCreated)
	v := w.sends[0].GetVerdict()
	if v.GetRevision() != 1 || v.GetReason() != "insult" || len(v.GetSpans()) != 1 || v.GetSpans()[0].GetLength() != 2 || w.sends[0].GetClientMsgId() != "k1" {
		t.Errorf("%v", w.sends[0])
	}
	if w.sends[1].GetVerdict().GetRevision() != 7 || w.sends[1].GetClientMsgId() == "" {
		t.Errorf("%v", w.sends[1])
	}
	for name, tc := range map[string]struct{ reason, path, body string }{
		"None":      {"reverting has a path of its own", path, `{"action":"none"}`},
		"Unknown":   {"there are three", path, `{"action":"ban"}`},
		"NoSpans":   {"a mask covers something", path, `{"action":"mask"}`},
		"Spans":     {"nothing else does", path, `{"action":"flag","spans":[{"start":1,"length":2}]}`},
		"Long":      {"a reason is a word", path, `{"action":"flag","reason":"` + strings.Repeat("x", 65) + `"}`},
		"ManySpans": {"spans are bounded", path, `{"action":"mask","spans":[` + strings.Repeat(`{"start":1,"length":1},`, 256) + `{"start":1,"length":1}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused(w.call(ask{method: http.MethodPost, path: tc.path, token: mia, body: tc.body}), protocol.CodeInvalid, tc.reason)
		})
	}
	w.t = t
	w.refused(w.call(ask{method: http.MethodPost, path: path, token: mia, body: `{"action":"flag"}`, head: http.Header{"Idempotency-Key": {strings.Repeat("k", 65)}}}),
		protocol.CodeInvalid, "keys are bounded")
	w.around = func(uint64) ([]*logpb.Entry, error) { return nil, nil }
	w.refused(w.call(ask{method: http.MethodPost, path: path, token: mia, body: `{"action":"flag"}`}), protocol.CodeNotFound, "no message")
	w.refused(w.call(ask{method: http.MethodPost, path: "/conversations/nowhere/messages/1/verdict", token: mia, body: `{"action":"flag"}`}),
		protocol.CodeNotFound, "no conversation")
}

func TestReviewsThatCannotBeDecided(t *testing.T) {
	w := newWorld(t)
	w.result = func(*chatpb.Send) *chatpb.Result { return &chatpb.Result{Code: string(protocol.CodeTooOld)} }
	for _, q := range []ask{
		{method: http.MethodPost, path: "/reviews/room/42/confirm", token: mia},
		{method: http.MethodPost, path: "/reviews/room/42/revert", token: mia},
		{method: http.MethodPost, path: "/conversations/room/messages/42/verdict", token: mia, body: `{"action":"flag"}`},
	} {
		w.refused(w.call(q), protocol.CodeTooOld, "the message has left the store")
	}
	said := w.topic.said()
	if last := said[len(said)-1]; !strings.Contains(last, "outcome=too_old") {
		t.Errorf("%q", last)
	}
	w.result = func(*chatpb.Send) *chatpb.Result {
		return &chatpb.Result{Code: string(protocol.CodeBusy), RetryAfterMs: 2000}
	}
	if a := w.call(ask{method: http.MethodPost, path: "/reviews/room/42/revert", token: mia}); a.Header.Get("Retry-After") != "2" {
		t.Errorf("%+v", a.Header)
	}
	w.around = func(uint64) ([]*logpb.Entry, error) { return nil, nil }
	w.refused(w.call(ask{method: http.MethodPost, path: "/reviews/room/42/confirm", token: mia}), protocol.CodeTooOld, "the verdict is gone")
	w.review = func(store.Conv, uint64) (readmodel.Review, error) { return readmodel.Review{}, store.ErrNotFound }
	w.refused(w.call(ask{method: http.MethodGet, path: "/reviews/room/42/messages", token: mia}), protocol.CodeNotFound,
		"no verdict: nobody reads what nobody has judged")
	for _, path := range []string{"/reviews/room/0", "/reviews/room/x", "/reviews/a%0Ab/1"} {
		w.refused(w.call(ask{method: http.MethodGet, path: path, token: mia}), protocol.CodeNotFound, path)
	}
	for _, path := range []string{
		"/reviews?state=new", "/reviews?action=ban", "/reviews?limit=201", "/reviews?limit=x", "/reviews?cursor=!", "/reviews?author=%00",
		"/reviews?processor=" + strings.Repeat("x", 129), "/stats?step=week", "/stats?from=yesterday", "/users?limit=0", "/users?cursor=x",
		"/conversations?member=%00", "/audit?after=-1", "/audit?user=%00",
	} {
		w.refused(w.call(ask{method: http.MethodGet, path: path, token: all}), protocol.CodeInvalid, path)
	}
}
