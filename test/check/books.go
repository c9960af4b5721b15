package check

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/analytics"
	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
)

// auditPage is how many entries of the audit log are read at a time.
const auditPage = 1000

// checkAudit verifies that the audit log's chain is whole, and that it has what the logs have, each once.
func (v *verification) checkAudit(ctx context.Context) ([]Violation, error) {
	model, err := readmodel.Open(v.r.s.Postgres, readmodel.Options{Application: "check"})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	log, tenant := audit.NewLog(model), string(v.r.s.Tenant)
	verified, err := audit.Verify(ctx, log, tenant, nil)
	if err != nil {
		return nil, err
	}
	var bad []Violation
	for _, f := range verified.Faults {
		bad = append(bad, Violation{Promise: "audit", What: f.String()})
	}
	got := map[string]int{}
	_, last, err := log.End(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for after := int64(0); after < last; {
		page, err := log.Entries(ctx, tenant, after, last, auditPage)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return nil, fmt.Errorf("the audit log ends at %d, not at %d", after, last)
		}
		for _, e := range page {
			switch e.Kind {
			case audit.KindMemberAdded, audit.KindMemberRemoved, audit.KindMemberRole, audit.KindVerdict:
				got[e.Kind]++
			}
			after = e.N
		}
	}
	if diff := cmp.Diff(v.audited(), got); diff != "" {
		bad = append(bad, Violation{Promise: "audit", What: "the audit log has not what the logs have (-logs +audit):\n" + diff})
	}
	return bad, nil
}

// audited are the logs' entries that the audit log has, by its kinds.
func (v *verification) audited() map[string]int {
	want := map[string]int{}
	count := func(kind string, n int) {
		if n > 0 {
			want[kind] += n
		}
	}
	for _, l := range v.logs {
		for _, e := range l.entries {
			count(audit.KindMemberAdded, len(e.GetMembersAdded().GetMembers()))
			count(audit.KindMemberRemoved, len(e.GetMembersRemoved().GetUsers()))
			if e.GetRoleChanged() != nil {
				count(audit.KindMemberRole, 1)
			}
			if e.GetVerdict() != nil {
				count(audit.KindVerdict, 1)
			}
		}
	}
	return want
}

// checkFigures verifies that what was counted is what the logs have. Reads and deliveries are not in them.
func (v *verification) checkFigures(ctx context.Context) ([]Violation, error) {
	model, err := readmodel.Open(v.r.s.Postgres, readmodel.Options{Application: "check"})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	stats, err := analytics.NewRollups(model, 0).Stats(ctx, v.r.s.Tenant, v.r.began.Add(-time.Hour), time.Now().Add(time.Hour), analytics.Hour)
	if err != nil {
		return nil, err
	}
	want := v.counted()
	want.Reads, want.Deliveries = stats.Total.Reads, stats.Total.Deliveries
	if diff := cmp.Diff(want, stats.Total.Counts); diff != "" {
		return []Violation{{Promise: "figures", What: "what was counted is not what the logs have (-logs +figures):\n" + diff}}, nil
	}
	return nil, nil
}

func (v *verification) counted() (c analytics.Counts) {
	actions := map[string]*int64{
		protocol.ActionFlag: &c.Flagged, protocol.ActionMask: &c.Masked, protocol.ActionHide: &c.Hidden, protocol.ActionNone: &c.Reverted,
	}
	for _, l := range v.logs {
		for _, e := range l.entries {
			switch {
			case e.GetMessage() != nil:
				c.Messages++
			case e.GetEdited() != nil:
				c.Edits++
			case e.GetDeleted() != nil:
				c.Deletions++
			case e.GetReacted() != nil && !e.GetReacted().GetRemoved():
				c.Reactions++
			case e.GetVerdict() != nil:
				*actions[e.GetVerdict().GetAction()]++
			case e.GetMembersAdded() != nil && e.GetSeq() == 1:
				c.ConversationsStarted++
			}
		}
	}
	return c
}
