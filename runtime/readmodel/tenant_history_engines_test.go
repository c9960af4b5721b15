//go:build engines

package readmodel

import (
	"fmt"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// A tenant's old messages go with their previews and leave counts as they were; another tenant's stay, and a hold keeps all of them.
func TestATenantsOldMessagesAreForgotten(t *testing.T) {
	m := migrated(t)
	var logs []*readmodeltest.Log
	for _, tenant := range []string{"acme", "other"} {
		for i := range historyPage + 3 { // more than one page
			l := readmodeltest.NewLog(t, tenant, fmt.Sprintf("c%03d", i), store.Group)
			l.StartMS, l.StepMS = time.Now().AddDate(0, 0, -50).UnixMilli(), (24 * time.Hour).Milliseconds()
			l.Batch(readmodeltest.Add("ann", "ann", "bob"))
			days := 3
			if i%2 == 0 {
				days = 45
			}
			for d := range days {
				l.Batch(readmodeltest.Say("ann", fmt.Sprint("day ", d)))
			}
			if i < 5 || i == historyPage+2 {
				logs = append(logs, l)
			}
		}
	}
	w := NewWriter(m, readmodeltest.NewSource(logs...))
	for _, l := range logs {
		apply(t, w, records(l)...)
	}
	tenants, err := m.TenantsAfter(deadline(t), "", 10)
	if err != nil || fmt.Sprint(tenants) != "[acme other]" {
		t.Errorf("tenants %q, %v", tenants, err)
	}
	if rest, err := m.TenantsAfter(deadline(t), "acme", 10); err != nil || fmt.Sprint(rest) != "[other]" {
		t.Errorf("tenants after acme %q, %v", rest, err)
	}
	before := time.Now().AddDate(0, 0, -20)
	count := func(tenant string, old bool) (n int) {
		t.Helper()
		sql := "SELECT count(*) FROM messages WHERE tenant = $1 AND (at < $2) = $3"
		if err := m.writer.QueryRow(deadline(t), sql, tenant, before, old).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	forget := func() (all Forgotten) {
		t.Helper()
		for after := ""; ; after = all.Next {
			got, err := w.ForgetBefore(deadline(t), "acme", before, after)
			if err != nil {
				t.Fatal(err)
			}
			all.Entries += got.Entries
			all.Summaries, all.Held, all.Next = append(all.Summaries, got.Summaries...), got.Held, got.Next
			if got.Next == "" {
				return all
			}
		}
	}
	unread, err := m.Unread(deadline(t), "acme", []string{"bob"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.PlaceHold(deadline(t), Hold{Tenant: "acme", Name: "case 7", User: "cho", Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	old, young, theirs := count("acme", true), count("acme", false), count("other", true)
	if got := forget(); !got.Held || got.Entries != 0 || count("acme", true) != old {
		t.Errorf("%+v: a hold keeps them", got)
	}
	if err := m.ReleaseHold(deadline(t), "acme", "case 7"); err != nil {
		t.Fatal(err)
	}
	got := forget()
	if got.Entries != int64(old) || count("acme", true) != 0 || count("acme", false) != young || count("other", true) != theirs {
		t.Errorf("%d entries went of %d; left are %d old and %d of %d young; the other tenant has %d of %d", got.Entries, old, count("acme", true),
			count("acme", false), young, count("other", true), theirs)
	}
	quiet := 0
	for _, s := range got.Summaries {
		if s.LastPreview != "" || s.Head == 0 {
			t.Errorf("a preview is left: %+v", s)
		}
		quiet++
	}
	if quiet != 2 { // c001 and c003 have been silent since
		t.Errorf("%d conversations lost their preview, want 2", quiet)
	}
	after, err := m.Unread(deadline(t), "acme", []string{"bob"})
	if err != nil {
		t.Fatal(err)
	}
	// What is unread and gone cannot be read any more: it does not count.
	if after["bob"] >= unread["bob"] || after["bob"] != young {
		t.Errorf("unread %d, was %d; want the %d that are left", after["bob"], unread["bob"], young)
	}
	if again := forget(); again.Entries != 0 || len(again.Summaries) != 0 {
		t.Errorf("again: %+v", again)
	}
}
