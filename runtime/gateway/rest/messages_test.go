package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func TestHistoryPages(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice")
	w.Say(v, "alice", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	cases := map[string]struct {
		query string
		want  []uint64
		more  bool
	}{
		"Newest": {"limit=3", gatewaytest.Range(8, 10), true},
		"Before": {"before=8&limit=3", gatewaytest.Range(5, 7), true},
		"After":  {"after=8&limit=3", gatewaytest.Range(9, 10), false},
		"Start":  {"before=3", gatewaytest.Range(1, 2), false},
		"Beyond": {"after=100", []uint64{}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			page := get[protocol.HistoryPage](t, g.URL, "/v1/conversations/room/messages?"+tc.query, "alice")
			if diff := cmp.Diff(tc.want, gatewaytest.Seqs(page.Entries)); diff != "" || page.More != tc.more {
				t.Errorf("more = %t, -want +got:\n%s", page.More, diff)
			}
		})
	}
}

// send sends a message with a key.
func send(t *testing.T, url, room, token, key, body string) (int, protocol.Appended) {
	t.Helper()
	a := call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: token, body: `{"body":"` + body + `"}`, head: http.Header{"Idempotency-Key": {key}}})
	return a.StatusCode, into[protocol.Appended](t, a, a.StatusCode)
}

func TestAMessageIsSentOncePerKey(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob")
	status, first := send(t, url, room, "alice", "k1", "hello")
	if status != http.StatusCreated || first.Seq != 2 || first.AtMS == 0 {
		t.Errorf("status %d, %+v", status, first)
	}
	if status, again := send(t, url, room, "alice", "k1", "hello"); status != http.StatusOK || again != first {
		t.Errorf("again: status %d, %+v, not %+v", status, again, first)
	}
	if _, bobs := send(t, url, room, "bob", "k1", "hello"); bobs.Seq != 3 {
		t.Errorf("another's key is another: %+v", bobs)
	}
	a := call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: "alice", body: `{"body":"without","after_seq":1}`})
	made := a.Header.Get("Idempotency-Key")
	if got := into[protocol.Appended](t, a, http.StatusCreated); got.Seq != 4 || made == "" {
		t.Errorf("without a key: %+v, key %q", got, made)
	}
	if status, again := send(t, url, room, "alice", made, "without"); status != http.StatusOK || again.Seq != 4 {
		t.Errorf("with the key that was made: status %d, %+v", status, again)
	}
	page := get[protocol.HistoryPage](t, url, room+"/messages?after=1", "bob")
	var got []string
	for _, e := range page.Entries {
		got = append(got, fmt.Sprint(e.Seq, e.Sender, e.Device, e.Body))
	}
	if diff := cmp.Diff([]string{"2alicehello", "3bobhello", "4alicewithout"}, strip(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func strip(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = strings.ReplaceAll(s, " ", "")
	}
	return out
}

func TestWhatMayBeSentAndWhatNot(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob")
	cases := map[string]struct {
		reason, body string
		code         protocol.Code
	}{
		"Empty":        {"there is something to say", `{"body":""}`, protocol.CodeInvalid},
		"TooLong":      {"16 KiB", `{"body":"` + strings.Repeat("x", protocol.MaxBodyBytes+1) + `"}`, protocol.CodeTooLarge},
		"FromTheEnd":   {"nobody knows more than there is", `{"body":"x","after_seq":1000}`, protocol.CodeInvalid},
		"Escaped":      {"16 KiB, however they are escaped", `{"body":"` + strings.Repeat(`\u0001`, protocol.MaxBodyBytes) + `"}`, ""},
		"MoreThanKnow": {"unknown fields are ignored", `{"body":"x","flavor":"red"}`, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: "bob", body: tc.body})
			if tc.code == "" {
				if a.StatusCode != http.StatusCreated {
					t.Errorf("%s: %d %s", tc.reason, a.StatusCode, a.body)
				}
				return
			}
			wantProblem(t, a, tc.code, tc.reason)
		})
	}
	wantProblem(t, call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: "eve", body: `{"body":"x"}`}), protocol.CodeNotMember, "a stranger")
	for _, head := range []http.Header{{"Idempotency-Key": {"a", "b"}}, {"Idempotency-Key": {"\u00e4"}}} {
		wantProblem(t, call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: "bob", body: `{"body":"x"}`, head: head}), protocol.CodeInvalid, "no key")
	}
}

func TestMessagesAreEditedDeletedAndReactedTo(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob", "carol")
	_, m := send(t, url, room, "bob", "k", "hello")
	message := fmt.Sprintf("%s/messages/%d", room, m.Seq)
	const thumb = "/reactions/%F0%9F%91%8D"
	problems := map[string]struct {
		reason              string
		method, path, token string
		body                string
		code                protocol.Code
	}{
		"AnotherEdits":    {"its author does", http.MethodPatch, message, "alice", `{"body":"x"}`, protocol.CodeForbidden},
		"AMemberDeletes":  {"its author does, and admins", http.MethodDelete, message, "carol", "", protocol.CodeForbidden},
		"OfWhatIsNone":    {"an entry that is no message", http.MethodPatch, room + "/messages/1", "alice", `{"body":"x"}`, protocol.CodeInvalid},
		"BeyondTheHead":   {"no such message", http.MethodDelete, room + "/messages/1000", "alice", "", protocol.CodeNotFound},
		"NoSeq":           {"no such message", http.MethodDelete, room + "/messages/x", "alice", "", protocol.CodeNotFound},
		"SeqZero":         {"no such message", http.MethodPut, room + "/messages/0" + thumb, "alice", "", protocol.CodeNotFound},
		"NoEmoji":         {"words are messages", http.MethodPut, message + "/reactions/yes", "alice", "", protocol.CodeInvalid},
		"EmptyEdit":       {"that is a deletion", http.MethodPatch, message, "bob", `{"body":""}`, protocol.CodeInvalid},
		"LongEdit":        {"16 KiB", http.MethodPatch, message, "bob", `{"body":"` + strings.Repeat("x", protocol.MaxBodyBytes+1) + `"}`, protocol.CodeTooLarge},
		"AStrangerReacts": {"it is not theirs", http.MethodPut, message + thumb, "eve", "", protocol.CodeNotMember},
	}
	for name, tc := range problems {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, call(t, url, ask{method: tc.method, path: tc.path, token: tc.token, body: tc.body}), tc.code, tc.reason)
		})
	}

	do(t, url, http.MethodPatch, message, "bob", `{"body":"hello all"}`)
	do(t, url, http.MethodPut, message+thumb, "carol", "")
	do(t, url, http.MethodDelete, message+thumb, "carol", "")
	do(t, url, http.MethodDelete, message, "alice", "")
	page := get[protocol.HistoryPage](t, url, fmt.Sprintf("%s/messages?after=%d", room, m.Seq), "carol")
	var got []string
	for _, e := range page.Entries {
		got = append(got, strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.Sender, " ", e.Target, " ", e.Body, e.Emoji, " ", e.Removed)))
	}
	want := []string{"edited bob 2 hello all false", "reacted carol 2 👍 false", "reacted carol 2 👍 true", "deleted alice 2  false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAnUnknownOutcomeIsAskedForAgain(t *testing.T) {
	w := gatewaytest.New(t)
	pod := w.Pod("c1")
	url := w.Gateway("g1", nil).URL
	w.Create("room", "alice")
	var asked atomic.Int32
	pod.Before(func(*chatpb.Send) *chatpb.Result {
		if asked.Add(1) == 1 {
			return &chatpb.Result{Code: string(protocol.CodeUnavailable), RetryAfterMs: 1}
		}
		return nil
	})
	if status, got := send(t, url, "/v1/conversations/room", "alice", "k", "hello"); status >= 300 || got.Seq != 2 {
		t.Errorf("status %d, %+v", status, got)
	}
	sends := pod.Sends()
	if len(sends) != 2 || sends[0].GetClientMsgId() != "k" || sends[1].GetClientMsgId() != "k" || sends[1].GetDevice() != "" {
		t.Errorf("the pod was asked %v", sends)
	}
	pod.Before(func(*chatpb.Send) *chatpb.Result { return &chatpb.Result{Code: string(protocol.CodeUnavailable)} })
	a := call(t, url, ask{method: http.MethodPost, path: "/v1/conversations/room/messages", token: "alice", body: `{"body":"x"}`})
	wantProblem(t, a, protocol.CodeUnavailable, "it stays unknown")
	if a.Header.Get("Idempotency-Key") == "" {
		t.Error("nobody can ask again without the key that was made")
	}
}
