package gateway_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// auditLog notes what is published.
type auditLog struct {
	mu      sync.Mutex
	records []eventlog.AuditRecord
	err     error
}

func (l *auditLog) PublishAudit(r eventlog.AuditRecord, done func(error)) {
	l.mu.Lock()
	l.records = append(l.records, r)
	l.mu.Unlock()
	done(l.err)
}

// said are the records in words, without their ids and times, in the order of the words.
func (l *auditLog) said() (words []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		text := []string{r.Kind, r.Subject, r.Device}
		for _, k := range slices.Sorted(maps.Keys(r.Details)) {
			text = append(text, k+"="+r.Details[k])
		}
		words = append(words, strings.Join(text, " "))
	}
	slices.Sort(words)
	return words
}

func TestSessionsAreAudited(t *testing.T) {
	w, log := gatewaytest.New(t), &auditLog{}
	g := w.Gateway("g1", func(o *gateway.Options) { o.Audit = log })
	refuse := func(token, device string) {
		t.Helper()
		s := w.Open(g.URL, nil)
		s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: token, Device: device})
		s.Closed()
	}
	for range 3 {
		w.Hello(g.URL, "alice!t1", "phone") // a client that reconnects signs in once
	}
	w.Hello(g.URL, "alice!t2", "phone").Say(refresh("alice!t3", "r1"))
	w.Eventually("the new token is audited", func() bool { return len(log.said()) == 3 })
	for range 3 {
		refuse("alice!t4@phone", "tablet")
		refuse("bad token", "phone") // nobody's: whose audit log would that belong to?
		refuse("expired", "phone")
	}
	if err := g.SignOutDevice(t.Context(), w.User("alice"), "phone"); err != nil {
		t.Fatal(err)
	}
	if err := g.SignOutAll(t.Context(), w.User("bob")); err != nil {
		t.Fatal(err)
	}
	refuse("bob", "laptop") // an old token
	want := []string{
		"session.accepted alice phone", "session.accepted alice phone", "session.accepted alice phone",
		"session.refused alice tablet code=forbidden", "session.refused bob laptop code=unauthenticated",
		"session.revoked alice phone scope=device", "session.revoked bob  scope=all",
	}
	if d := cmp.Diff(want, log.said()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	ids := map[string]bool{}
	for _, r := range log.records {
		if ids[r.ID] = true; r.Tenant == "" || r.At.IsZero() || r.Actor != r.Subject {
			t.Errorf("%+v", r)
		}
	}
	if len(ids) != len(log.records) {
		t.Error("two records have one id: one would be lost")
	}
}

// An audit log that is away keeps nobody out.
func TestAnAuditLogThatIsAwayKeepsNobodyOut(t *testing.T) {
	w, log := gatewaytest.New(t), &auditLog{err: errors.New("away")}
	g := w.Gateway("g1", func(o *gateway.Options) { o.Audit = log })
	w.Hello(g.URL, "alice", "phone")
	if len(log.said()) != 1 {
		t.Error("it was not asked")
	}
}
