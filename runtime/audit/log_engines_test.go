//go:build engines

package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func events(prefix string, n int) []Event {
	out := make([]Event, n)
	for i := range out {
		out[i] = Event{Source: fmt.Sprint(prefix, i), At: time.UnixMilli(int64(i)), Kind: "k", Actor: "ann", Subject: fmt.Sprint("user", i%7)}
	}
	return out
}

func user(t *testing.T, tenant store.Tenant, id string) store.User {
	t.Helper()
	u, err := store.NewUser(tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestManyWritersMakeOneChain(t *testing.T) {
	db := database(t)
	const writers, batches, size = 6, 10, 7
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			l := NewLog(db)
			for b := range batches {
				// Every batch comes twice, from two writers at a time.
				if _, err := l.Append(t.Context(), "acme", events(fmt.Sprintf("%d/%d/", w/2, b), size)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	l := NewLog(db)
	if f := faults(t, l, "acme"); len(f) > 0 {
		t.Error(f)
	}
	entries := whole(t, l, "acme")
	if len(entries) != writers/2*batches*size {
		t.Errorf("%d entries: each event makes one, however many bring it", len(entries))
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Subject] = true
	}
	if len(names) != 7 {
		t.Errorf("%d pseudonyms of 7 users", len(names))
	}
}

func TestNobodyChangesWhatIsWritten(t *testing.T) {
	db := database(t)
	if _, err := NewLog(db).Append(t.Context(), "acme", events("", 3)); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE audit_entries SET kind = 'else' WHERE n = 2", "DELETE FROM audit_entries WHERE n = 3", "TRUNCATE audit_entries",
		"INSERT INTO audit_entries SELECT * FROM audit_entries ON CONFLICT (tenant, n) DO UPDATE SET kind = 'else'",
	} {
		err := db.Write(t.Context(), func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), statement)
			return err
		})
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if f := faults(t, NewLog(db), "acme"); len(f) > 0 {
		t.Error(f)
	}
}

// Whoever owns the tables can lift the guard. The chain tells, and the export where the chain cannot.
func TestTheChainTellsWhatTheOwnerDid(t *testing.T) {
	for name, tc := range map[string]struct {
		statement string
		n         int64
		want      Problem
	}{
		"Changed":   {"UPDATE audit_entries SET at_ms = at_ms + 1 WHERE n = 4", 4, Changed},
		"Removed":   {"DELETE FROM audit_entries WHERE n = 4", 4, Missing},
		"Reordered": {"UPDATE audit_entries a SET n = CASE n WHEN 104 THEN 5 ELSE 4 END WHERE n IN (104, 105)", 4, Moved},
		"Truncated": {"DELETE FROM audit_entries WHERE n > 8", 9, Truncated},
		"TruncatedWell": {`WITH gone AS (DELETE FROM audit_entries WHERE n > 8)
			UPDATE audit_heads SET n = 8, hash = (SELECT hash FROM audit_entries WHERE n = 8)`, 9, Truncated},
		"Unhashed": {"UPDATE audit_entries SET hash = '' WHERE n = 4", 4, Changed},
		"Headless": {"DELETE FROM audit_heads", 10, Unended},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t)
			l := NewLog(db)
			if _, err := l.Append(t.Context(), "acme", events("", 10)); err != nil {
				t.Fatal(err)
			}
			to := Folder{t.TempDir()}
			if _, err := Export(t.Context(), l, to, "acme", nil); err != nil {
				t.Fatal(err)
			}
			statements := []string{"ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_stay"}
			if name == "Reordered" {
				statements = append(statements, "UPDATE audit_entries SET n = n + 100 WHERE n IN (4, 5)")
			}
			exec(t, db, append(statements, tc.statement)...)
			checkpoints, err := Checkpoints(t.Context(), to, "acme")
			if err != nil {
				t.Fatal(err)
			}
			tenants, err := l.Tenants(t.Context())
			if d := cmp.Diff([]string{"acme"}, tenants); err != nil || d != "" {
				t.Error(err, d)
			}
			f := faults(t, l, "acme", checkpoints...)
			if len(f) == 0 || f[0].N != tc.n || f[0].Problem != tc.want {
				t.Errorf("want %s at %d first, got %v", tc.want, tc.n, f)
			}
		})
	}
}

// What happens in conversations and what is published becomes entries, once, in whatever way it comes, and names nobody.
func TestARecordMakesItsEntriesOnce(t *testing.T) {
	db, k := database(t), kafka(t)
	l := NewLog(db)
	group := readmodeltest.NewLog(t, "acme", "team", store.Group)
	group.Batch(readmodeltest.Add("ann", "ann", "bob"))
	group.Batch(readmodeltest.Say("ann", "SECRET"), readmodeltest.Rename("ann", "SECRET"), readmodeltest.Role("ann", "bob", store.RoleAdmin))
	group.Batch(readmodeltest.Judge("spam", 2, "hide", 0), readmodeltest.Remove("ann", "bob"))
	direct := readmodeltest.NewLog(t, "acme", "d-of-ann-and-bob", store.Direct)
	direct.Batch(readmodeltest.Add("ann", "ann", "bob"))
	p, err := eventlog.NewProducer(k, eventlog.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // what counts arrives
	signIn := eventlog.AuditRecord{
		Tenant: "acme", ID: "1", At: time.UnixMilli(5), Kind: eventlog.AuditSessionAccepted, Actor: "bob", Subject: "bob", Device: "bobs-phone",
	}
	publish := func() {
		t.Helper()
		for _, log := range []*readmodeltest.Log{group, direct} {
			for _, b := range log.Batches {
				done := make(chan error, 1)
				p.PublishBatch(log.Conv, log.Kind, b, func(err error) { done <- err })
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.Audit(t.Context(), signIn); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	const want = 2 + 1 + 2 + 2 + 1
	stop := run(t, k, l, "first")
	await(t, func() bool { return len(whole(t, l, "acme")) >= want })
	publish()
	stop()
	before := whole(t, l, "acme")
	// Both consume everything, at the same time.
	second, third := run(t, k, l, "second"), run(t, k, l, "third")
	marker := signIn
	marker.Tenant = "other"
	if err := p.Audit(t.Context(), marker); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return len(whole(t, l, "other")) == 1 })
	for _, g := range []string{"second", "third"} {
		// The group is not there at once.
		await(t, func() bool {
			return eventlog.AwaitConsumed(t.Context(), k, "test", g, eventlog.LogTopic, eventlog.AuditTopic) == nil
		})
	}
	second()
	third()
	after := whole(t, l, "acme")
	if d := cmp.Diff(before, after); d != "" || len(after) != want {
		t.Errorf("%d entries, want %d; a replay makes none (-before +after):\n%s", len(after), want, d)
	}
	if f := faults(t, l, "acme"); len(f) > 0 {
		t.Error(f)
	}

	kinds := map[string]int{}
	for _, e := range after {
		kinds[e.Kind]++
		all := string(e.Canonical())
		for _, id := range []string{"ann", "bob", "SECRET", "d-of-ann-and-bob"} {
			if strings.Contains(all, id) {
				t.Errorf("entry %d says %q: %q", e.N, id, all)
			}
		}
	}
	if d := cmp.Diff(map[string]int{KindMemberAdded: 4, KindMemberRole: 1, KindVerdict: 1, KindMemberRemoved: 1, eventlog.AuditSessionAccepted: 1}, kinds); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	bob, err := l.Pseudonym(t.Context(), user(t, "acme", "bob"))
	if err != nil {
		t.Fatal(err)
	}
	var last Entry
	for _, e := range after {
		if e.Kind == KindMemberRole {
			last = e
		}
	}
	wantRole := Entry{Tenant: "acme", Kind: KindMemberRole, Subject: bob, AtMS: group.StartMS + 4*group.StepMS,
		Details: `{"conversation":"team","conversation_kind":"group","role":"admin","seq":"4"}`}
	if d := cmp.Diff(wantRole, last, cmpopts.IgnoreFields(Entry{}, "N", "Source", "Prev", "Hash", "Actor")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestErasureLeavesTheChainAndNobodyInIt(t *testing.T) {
	db := database(t)
	l, ann := NewLog(db), user(t, "acme", "ann")
	add := func(e Event) {
		t.Helper()
		if n, err := l.Append(t.Context(), "acme", []Event{e}); err != nil || n != 1 {
			t.Fatal(n, err)
		}
	}
	add(Event{Source: "1", Kind: "k", Subject: "ann", Device: "phone"})
	was, err := l.Pseudonym(t.Context(), ann)
	if err != nil || was != whole(t, l, "acme")[0].Subject {
		t.Fatal(was, err)
	}
	add(published(eventlog.AuditRecord{ID: "2", Kind: eventlog.AuditErased, Actor: "root", Subject: "ann"}))
	if got := whole(t, l, "acme")[1].Subject; got != was {
		t.Errorf("the erasure is recorded of %s, not of %s", got, was)
	}
	if _, err := l.Pseudonym(t.Context(), ann); !errors.Is(err, ErrNoPseudonym) {
		t.Errorf("the link is still there: %v", err)
	}
	// What was under way makes another pseudonym, until it is forgotten, too.
	add(Event{Source: "3", Kind: "k", Subject: "ann"})
	if now, err := l.Pseudonym(t.Context(), ann); err != nil || now == was {
		t.Error(now, err)
	}
	for range 2 {
		if err := l.Forget(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Pseudonym(t.Context(), ann); !errors.Is(err, ErrNoPseudonym) {
		t.Error(err)
	}
	if _, err := l.Pseudonym(t.Context(), user(t, "acme", "root")); err != nil {
		t.Errorf("who did it is another matter: %v", err)
	}
	if f := faults(t, l, "acme"); len(f) > 0 {
		t.Error(f)
	}
}

// await waits until it holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-limit:
			t.Fatal("not within 30 s")
		case <-tick.C:
		}
	}
}
