package audit

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Kinds of entries that come from conversations' logs; package eventlog has those of the audit topic.
const (
	KindMemberAdded   = "member.added"
	KindMemberRemoved = "member.removed"
	KindMemberRole    = "member.role"
	KindVerdict       = "moderation.verdict"
)

// eventsOf are what is to be audited of a record.
func eventsOf(r eventlog.Record) (store.Tenant, []Event) {
	switch {
	case r.Audit != nil:
		return r.Audit.Tenant, []Event{published(*r.Audit)}
	case r.Batch != nil:
		var events []Event
		for _, e := range r.Batch.Batch.GetEntries() {
			events = append(events, logged(r.Batch, e)...)
		}
		return r.Batch.Conv.Tenant(), events
	}
	return "", nil
}

func published(r eventlog.AuditRecord) Event {
	return Event{
		Source: "audit/" + r.ID, At: r.At, Kind: r.Kind, Actor: r.Actor, Subject: r.Subject, Device: r.Device, Details: r.Details,
		Forget: r.Kind == eventlog.AuditErased && r.Subject != "",
	}
}

// logged are what is to be audited of an entry of a conversation's log.
func logged(r *eventlog.BatchRecord, e *logpb.Entry) []Event {
	batch := "log/" + hex.EncodeToString(r.Batch.GetId()) + "/" + strconv.FormatUint(e.GetSeq(), 10)
	event := func(kind, subject string, details map[string]string) Event {
		details["conversation_kind"], details["seq"] = r.Kind, strconv.FormatUint(e.GetSeq(), 10)
		if r.Kind != store.Direct {
			details["conversation"] = r.Conv.ID()
		}
		return Event{Source: batch, At: time.UnixMilli(e.GetAtMs()), Kind: kind, Actor: e.GetSender(), Subject: subject, Details: details}
	}
	// What concerns several users is an entry for each.
	each := func(events []Event) []Event {
		for i := range events {
			events[i].Source += "/" + strconv.Itoa(i)
		}
		return events
	}
	var events []Event
	switch k := e.GetKind().(type) {
	case *logpb.Entry_MembersAdded:
		for _, m := range k.MembersAdded.GetMembers() {
			events = append(events, event(KindMemberAdded, m.GetUser(), map[string]string{"role": m.GetRole()}))
		}
		return each(events)
	case *logpb.Entry_MembersRemoved:
		for _, u := range k.MembersRemoved.GetUsers() {
			events = append(events, event(KindMemberRemoved, u, map[string]string{}))
		}
		return each(events)
	case *logpb.Entry_RoleChanged:
		return []Event{event(KindMemberRole, k.RoleChanged.GetUser(), map[string]string{"role": k.RoleChanged.GetRole()})}
	case *logpb.Entry_Verdict:
		v := k.Verdict
		verdict := event(KindVerdict, "", map[string]string{
			"action": v.GetAction(), "processor": v.GetProcessor(), "reason": v.GetReason(),
			"target": strconv.FormatUint(v.GetTarget(), 10), "revision": strconv.FormatUint(uint64(v.GetRevision()), 10),
		})
		if verdict.Actor == v.GetProcessor() {
			verdict.Actor = "" // a program, not a person
		}
		return []Event{verdict}
	}
	return nil
}
