package eventlog

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Kinds of audit records.
const (
	AuditSessionAccepted = "session.accepted"
	AuditSessionRefused  = "session.refused"
	AuditSessionRevoked  = "session.revoked"
	// AuditAdmin is what an administrator did; details say what.
	AuditAdmin = "admin.action"
	// AuditErasureBegun says that a user's data is being removed. AuditErased says that it was: the record is the last that is told to be
	// about the user, as who keeps the audit log forgets then whom the pseudonym stands for.
	AuditErasureBegun = "user.erasure"
	AuditErased       = "user.erased"
)

// Bounds of an audit record.
const (
	maxAuditIDBytes     = 128
	maxAuditKindBytes   = 64
	maxAuditDetails     = 16
	maxAuditDetailBytes = 512
)

// AuditRecord is a record of the audit topic.
type AuditRecord struct {
	Tenant store.Tenant
	// ID is unique within the tenant, at most 128 bytes: a record that is published again has the same.
	ID   string
	At   time.Time
	Kind string
	// Actor and Subject are ids of the tenant's users, empty where there is none. Device is the subject's.
	Actor, Subject string
	Device         string
	// Details are at most 16 words of small, fixed sets, numbers, and ids of what are no persons, of at most 512 bytes. Nothing that a person
	// wrote may be among them.
	Details map[string]string
}

// check says what is wrong with the record. It says nothing of what it holds.
func (r AuditRecord) check() error {
	if !word(r.ID, maxAuditIDBytes) || !word(r.Kind, maxAuditKindBytes) {
		return fmt.Errorf("an audit record needs an id of up to %d printable ASCII bytes and a kind of up to %d", maxAuditIDBytes, maxAuditKindBytes)
	}
	// A tenant's id is checked with a user's.
	users := []string{r.Actor, r.Subject}
	if r.Actor == "" && r.Subject == "" {
		users = []string{"nobody"}
	}
	for _, user := range users {
		if user == "" {
			continue
		}
		if _, err := store.NewUser(r.Tenant, user); err != nil {
			return err
		}
	}
	if r.Device != "" {
		if err := store.CheckDevice(r.Device); err != nil {
			return err
		}
	}
	if len(r.Details) > maxAuditDetails {
		return fmt.Errorf("an audit record has more than %d details", maxAuditDetails)
	}
	for k, v := range r.Details {
		if !word(k, maxAuditKindBytes) || len(v) > maxAuditDetailBytes {
			return fmt.Errorf("an audit record's detail has no name or is longer than %d bytes", maxAuditDetailBytes)
		}
	}
	return nil
}

// word tells whether s is not empty, no longer than limit, and printable ASCII without spaces.
func word(s string, limit int) bool {
	return s != "" && len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// PublishAudit publishes a record to the audit topic, on the same terms as PublishBatch. One that is out of bounds is an error at once.
func (p *Producer) PublishAudit(r AuditRecord, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	if err := r.check(); err != nil {
		done(err)
		return
	}
	headers := []kgo.RecordHeader{{Key: HeaderTenant, Value: []byte(r.Tenant)}}
	p.publish(p.auditTopic, []byte(r.Tenant), headers, &eventpb.AuditRecord{
		Tenant: string(r.Tenant), Id: r.ID, AtMs: r.At.UnixMilli(), Kind: r.Kind, Actor: r.Actor, Subject: r.Subject, Device: r.Device, Details: r.Details,
	}, done)
}

// Audit publishes a record and waits until Kafka has it. After an error it may have it all the same: publish it again, with the same ID.
func (p *Producer) Audit(ctx context.Context, r AuditRecord) error {
	done := make(chan error, 1)
	p.PublishAudit(r, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func decodeAudit(value []byte) (*AuditRecord, error) {
	var m eventpb.AuditRecord
	if proto.Unmarshal(value, &m) != nil {
		return nil, fmt.Errorf("%w: not an AuditRecord", errPoison)
	}
	r := &AuditRecord{
		Tenant: store.Tenant(m.GetTenant()), ID: m.GetId(), At: time.UnixMilli(m.GetAtMs()).UTC(), Kind: m.GetKind(),
		Actor: m.GetActor(), Subject: m.GetSubject(), Device: m.GetDevice(), Details: m.GetDetails(),
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	return r, nil
}
