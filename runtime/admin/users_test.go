package admin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestUsersAreFoundAndShown(t *testing.T) {
	w := newWorld(t)
	w.users = []string{"ann", "bob", "bobby", "eve"}
	first := get[admin.Users](w, mia, "/users?prefix=bob&limit=1")
	rest := get[admin.Users](w, mia, "/users?prefix=bob&limit=1&cursor="+first.Next)
	if d := cmp.Diff([]string{"bob", "bobby"}, append(first.Users, rest.Users...)); d != "" || rest.Next != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	a := w.call(ask{method: http.MethodGet, path: "/users/bob", token: mia})
	shown := into[admin.User](w, a, http.StatusOK)
	if shown.ID != "bob" || shown.Conversations != 3 || shown.Left != 1 || len(shown.Devices) != 1 || shown.MutedUntilMS != 0 {
		t.Errorf("%+v", shown)
	}
	if strings.Contains(a.body, "secret") {
		t.Error("a push token is nobody's to see")
	}
	w.refused(w.call(ask{method: http.MethodGet, path: "/users/a%0Ab", token: mia}), protocol.CodeNotFound, "no id")
}

func TestUsersAreMutedAndSignedOut(t *testing.T) {
	w := newWorld(t)
	before := time.Now()
	muted := into[admin.Mute](w, w.call(ask{method: http.MethodPut, path: "/users/bob/mute", token: mia, body: `{"for_seconds":3600}`}), http.StatusOK)
	if until := time.UnixMilli(muted.UntilMS); until.Before(before.Add(time.Hour-time.Second)) || until.After(time.Now().Add(time.Hour)) {
		t.Errorf("until %v", until)
	}
	if got := get[admin.User](w, mia, "/users/bob"); got.MutedUntilMS != muted.UntilMS {
		t.Errorf("%+v", got)
	}
	for _, body := range []string{`{"for_seconds":0}`, `{"for_seconds":2592001}`} {
		w.refused(w.call(ask{method: http.MethodPut, path: "/users/bob/mute", token: mia, body: body}), protocol.CodeInvalid, body)
	}
	for _, q := range []ask{
		{method: http.MethodDelete, path: "/users/bob/mute", token: ops},
		{method: http.MethodPost, path: "/users/bob/revoke", token: ada},
		{method: http.MethodPost, path: "/users/bob/devices/tablet/revoke", token: ada},
	} {
		if strings.HasPrefix(q.token, "admin/") {
			q.path += "?tenant=acme"
		}
		if a := w.call(q); a.StatusCode != http.StatusNoContent || a.body != "" {
			t.Errorf("%s: status %d: %s", q.path, a.StatusCode, a.body)
		}
	}
	want := []string{
		"mute bob by mia", "unmute bob by chatcluster.io/platform", "revoke bob ", "remove bob phone", "revoke bob tablet", "remove bob tablet",
	}
	if d := cmp.Diff(want, w.done()); d != "" {
		t.Errorf("tokens are taken back before the devices that use them are forgotten (-want +got):\n%s", d)
	}
	w.refused(w.call(ask{method: http.MethodPost, path: "/users/bob/devices/a%0Ab/revoke", token: ada}), protocol.CodeNotFound, "no device")
}

func TestConversationsAreFoundAndShown(t *testing.T) {
	w := newWorld(t)
	page := get[admin.Conversations](w, ada, "/conversations?title=kit&member=bob")
	rest := get[admin.Conversations](w, ada, "/conversations?title=kit&member=bob&cursor="+page.Next)
	if len(page.Conversations) != 1 || page.Conversations[0].Title != "Kitchen" || len(rest.Conversations) != 0 || rest.Next != "" {
		t.Errorf("%+v %+v", page, rest)
	}
	get[admin.Conversation](w, ada, "/conversations/d-two")
	said := w.topic.said()
	if last := said[len(said)-1]; last != "acme by:ada about: conversation_kind=direct operation=conversations.show outcome=done" {
		t.Errorf("the id of a conversation of two says who they are: %q", last)
	}
	var members []string
	for cursor := ""; ; {
		page := get[admin.Members](w, ada, "/conversations/room/members?limit=2&cursor="+cursor)
		for _, m := range page.Members {
			members = append(members, m.User)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if d := cmp.Diff([]string{"ann", "bob", "eve"}, members); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	w.refused(w.call(ask{method: http.MethodGet, path: "/conversations/nowhere", token: ada}), protocol.CodeNotFound, "there is none")
}

func TestDataIsErasedHeldAndExported(t *testing.T) {
	w := newWorld(t)
	if got := post[admin.Erasure](w, ada, "/users/bob/erasure", "", http.StatusAccepted); got.ID != "e-1" || got.Done {
		t.Errorf("%+v", got)
	}
	if got := get[admin.Erasure](w, ada, "/users/bob/erasure"); !got.Done || string(got.Report) != `{"messages":3}` {
		t.Errorf("%+v", got)
	}
	said := w.topic.said()
	if last := said[len(said)-1]; last != "acme by:ada about: erasure=e-1 operation=erasures.show outcome=done" {
		t.Errorf("an erased user is made known again: %q", last)
	}
	w.begin = func(store.User) (admin.Erasure, error) { return admin.Erasure{}, fmt.Errorf("no: %w", admin.ErrHeld) }
	w.refused(w.call(ask{method: http.MethodPost, path: "/users/bob/erasure", token: ada}), protocol.CodeForbidden, "it is held")
	w.erased = nil
	w.refused(w.call(ask{method: http.MethodGet, path: "/users/bob/erasure", token: ada}), protocol.CodeNotFound, "there was none")

	hold := ask{method: http.MethodPut, path: "/holds/case", token: ada, body: `{"reason":"x","user":"bob"}`}
	if got := into[admin.Hold](w, w.call(hold), http.StatusOK); got.Name != "case" || got.By != "ada" || got.User != "bob" {
		t.Errorf("%+v", got)
	}
	hold.body = `{"reason":"x","user":"eve"}`
	w.refused(w.call(hold), protocol.CodeKeyReused, "the name is another's")
	for _, body := range []string{`{"reason":""}`, `{"reason":"x","user":"a\u0000"}`, `{"reason":"` + strings.Repeat("x", 513) + `"}`} {
		hold.body = body
		w.refused(w.call(hold), protocol.CodeInvalid, body)
	}
	if got := get[admin.HoldList](w, ada, "/holds"); len(got.Holds) != 1 {
		t.Errorf("%+v", got)
	}
	w.call(ask{method: http.MethodDelete, path: "/holds/case", token: ada})
	w.refused(w.call(ask{method: http.MethodDelete, path: "/holds/case", token: ada}), protocol.CodeNotFound, "it is released")

	export := ask{method: http.MethodGet, path: "/users/bob/export", token: ada}
	if a := w.call(export); a.body != "PK" || a.Header.Get("Content-Type") != "application/zip" {
		t.Errorf("%q %+v", a.body, a.Header)
	}
	w.archive = func(io.Writer) error { return store.ErrNotFound }
	w.refused(w.call(export), protocol.CodeNotFound, "nothing is kept")
	w.archive = func(io.Writer) error { return errBroken }
	w.refused(w.call(export), protocol.CodeUnavailable, "it may pass")
	w.archive = func(out io.Writer) error {
		return errors.Join(second(io.WriteString(out, strings.Repeat("x", 1<<20))), errBroken)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/admin/v1/users/bob/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+ada)
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if err == nil {
		t.Error("an archive that is cut off looks whole")
	}
	said = w.topic.said()
	if last := said[len(said)-1]; !strings.Contains(last, "outcome=cut off") {
		t.Errorf("%q", last)
	}
}

func second(_ int, err error) error { return err }

func TestFiguresSettingsAndTheAuditLogAreShown(t *testing.T) {
	w := newWorld(t)
	var asked string
	w.stats = func(from, to time.Time, step string) (admin.Figures, error) {
		asked = fmt.Sprint(to.Sub(from), " ", step)
		if step == "minute" {
			return admin.Figures{}, fmt.Errorf("no: %w", admin.ErrBadRange)
		}
		return admin.Figures{}, nil
	}
	if a := w.call(ask{method: http.MethodGet, path: "/stats", token: leo}); asked != "24h0m0s hour" || !strings.Contains(a.body, `"steps":[]`) {
		t.Errorf("%s: %s", asked, a.body)
	}
	get[admin.Figures](w, leo, "/stats?step=day&from=2026-11-01T00:00:00Z&to=2026-11-03T00:00:00Z")
	if asked != "48h0m0s day" {
		t.Error(asked)
	}
	w.refused(w.call(ask{method: http.MethodGet, path: "/stats?step=minute", token: leo}), protocol.CodeInvalid, "too many steps")

	got := get[admin.Settings](w, ops, "/settings?tenant=globex")
	if got.Tenant != "globex" || got.RetentionSeconds != 172800 || got.Detectors["spam"].Threshold != 80 {
		t.Errorf("%+v", got)
	}
	w.refused(w.call(ask{method: http.MethodGet, path: "/settings?tenant=admin", token: ops}), protocol.CodeNotFound, "the platform is no tenant")

	for n := range int64(7) {
		subject := map[bool]string{true: "p-bob", false: "p-eve"}[n%3 == 0]
		w.chain = append(w.chain, audit.Entry{Tenant: "acme", N: n + 1, Kind: "admin.action", Subject: subject, Details: "{}", Source: fmt.Sprint(n)})
	}
	var places []int64
	for after := int64(0); ; {
		page := get[admin.AuditPage](w, leo, fmt.Sprintf("/audit?limit=2&user=bob&after=%d", after))
		for _, e := range page.Entries {
			places = append(places, e.N)
		}
		if page.Head != 7 || page.Pseudonym != "p-bob" {
			t.Fatalf("%+v", page)
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	if d := cmp.Diff([]int64{1, 4, 7}, places); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	w.refused(w.call(ask{method: http.MethodGet, path: "/audit?user=nobody", token: leo}), protocol.CodeNotFound, "nobody can tell")
	get[admin.AuditPage](w, ops, "/audit?tenant=admin")
}

// What a cluster does without is not there, and says so.
func TestWhatIsOptionalMayBeAbsent(t *testing.T) {
	w := newWorld(t, func(o *admin.Options) { o.Mutes, o.Stats, o.Erasures, o.Exports, o.Holds = nil, nil, nil, nil, nil })
	for _, r := range admin.Routes() {
		q := example(r, all)
		optional := strings.Contains(r.Path, "/mute") || strings.Contains(r.Path, "/holds") || strings.Contains(r.Path, "/stats") ||
			strings.Contains(r.Path, "/erasure") || strings.Contains(r.Path, "/export")
		a := w.call(q)
		if !optional {
			if a.StatusCode >= 300 {
				t.Errorf("%s: status %d: %s", r.Path, a.StatusCode, a.body)
			}
			continue
		}
		w.refused(a, protocol.CodeNotFound, r.Path)
		var p protocol.Problem
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || !strings.Contains(p.Detail, "this cluster has no") {
			t.Errorf("%s: %+v", r.Path, p)
		}
	}
}

// What does not answer is not there for now: nothing of why is told.
func TestWhatIsDownIsUnavailable(t *testing.T) {
	w := newWorld(t)
	w.broken = errBroken
	for _, path := range []string{"/users", "/users/bob", "/conversations", "/conversations/room/members", "/reviews", "/reviews/room/42", "/settings", "/audit", "/holds"} {
		a := w.call(ask{method: http.MethodGet, path: path, token: all})
		w.refused(a, protocol.CodeUnavailable, path)
		if strings.Contains(a.body, "broken") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}
