//go:build engines

package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/analytics"
	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
)

// What users do is in their tenant's audit log and in its figures, and in no other tenant's.
func TestWhatUsersDoIsAuditedAndCounted(t *testing.T) {
	p := startPlatform(t)
	red := p.tenant("red")
	red("alice").dial("phone")
	p.talk(red, "secret")
	red("bob").must(http.MethodPost, "/v1/sign-out-all", "")

	model, err := readmodel.Open(p.cfg.Postgres, readmodel.Options{Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Close)
	log, kinds := audit.NewLog(model), map[string]int{}
	p.eventually("all of it is audited", func() bool {
		entries, err := log.Entries(t.Context(), "red", 0, 1000, 1000)
		if err != nil {
			t.Fatal(err)
		}
		clear(kinds)
		for _, e := range entries {
			kinds[e.Kind]++
		}
		return len(entries) >= 4
	})
	want := map[string]int{eventlog.AuditSessionAccepted: 1, eventlog.AuditSessionRevoked: 1, audit.KindMemberAdded: 2}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if v, err := audit.Verify(t.Context(), log, "red", nil); err != nil || len(v.Faults) > 0 {
		t.Errorf("%v, %v", v.Faults, err)
	}
	tenants, err := log.Tenants(t.Context())
	if d := cmp.Diff([]string{"red"}, tenants); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}

	var got analytics.Stats
	p.eventually("all of it is counted", func() bool {
		var err error
		got, err = analytics.NewRollups(model, 0).Stats(t.Context(), "red", time.Now().Add(-48*time.Hour), time.Now().Add(time.Hour), analytics.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return got.Total.Messages == 3 && got.Total.Reads == 1
	})
	if d := cmp.Diff(analytics.Counts{Messages: 3, ConversationsStarted: 1, Reads: 1}, got.Total.Counts, cmpopts.IgnoreFields(analytics.Counts{}, "Deliveries")); d != "" || got.Total.ActiveUsers != 2 {
		t.Errorf("%d active users, want 2 (-want +got):\n%s", got.Total.ActiveUsers, d)
	}
}
