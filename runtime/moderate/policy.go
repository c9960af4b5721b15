package moderate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// DefaultThreshold is the least score that counts, in percent, where nobody says another.
const DefaultThreshold = 80

// Mode says what becomes of a finding.
type Mode string

// Modes.
const (
	// Off looks at nothing.
	Off Mode = "off"
	// DryRun counts findings.
	DryRun Mode = "dryrun"
	// Flag has people look at them.
	Flag Mode = "flag"
	// Enforce does something about them.
	Enforce Mode = "enforce"
)

// ParseMode reads a mode however it is capitalized.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(strings.ToLower(s)); m {
	case Off, DryRun, Flag, Enforce:
		return m, nil
	}
	return "", fmt.Errorf("moderate: there is no mode %q", s)
}

// Policy is what is done about what a detector finds.
type Policy struct {
	Mode Mode
	// Threshold is the least score that counts, in percent; 0 is DefaultThreshold.
	Threshold int
	// Action is what Enforce does: protocol.ActionMask or protocol.ActionHide.
	Action string
	// MuteSenderFor is how long Enforce has the sender send nothing more; 0: not at all.
	MuteSenderFor time.Duration
}

func (p Policy) check() error {
	switch {
	case p.Action != protocol.ActionMask && p.Action != protocol.ActionHide:
		return fmt.Errorf("moderate: there is no action %q", p.Action)
	case p.Threshold < 0 || p.Threshold > 100:
		return errors.New("moderate: a threshold is between 0 and 100")
	case p.MuteSenderFor < 0:
		return errors.New("moderate: a mute of less than nothing")
	}
	return nil
}

// Tenants know the tenants' records; package tenants has them.
type Tenants interface {
	// Tenant waits for a read where the record is not known. store.ErrNotFound when the tenant has none.
	Tenant(ctx context.Context, t store.Tenant) (store.TenantRecord, error)
}

// policyOf returns what the tenant wants. An error says that it is not known now.
func (m *Moderator) policyOf(ctx context.Context, t store.Tenant) (Policy, error) {
	p := m.o.Policy
	if m.o.Tenants == nil {
		return p, nil
	}
	r, err := m.o.Tenants.Tenant(ctx, t)
	if errors.Is(err, store.ErrNotFound) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("moderate: what tenant %s wants: %w", t, err)
	}
	if r.State == store.TenantDeleting {
		p.Mode = Off // nothing is to be remembered of its people any more, nor said
		return p, nil
	}
	own, ok := r.Detectors[m.o.Detector.Name()]
	if !ok {
		return p, nil
	}
	// A mode of a newer release is not this one's to guess: the cluster's stays.
	if mode, err := ParseMode(own.Mode); err == nil {
		p.Mode = mode
	}
	if own.Threshold > 0 {
		p.Threshold = own.Threshold
	}
	return p, nil
}

// counts says whether the finding is one.
func (p Policy) counts(f Finding) bool {
	threshold := p.Threshold
	if threshold <= 0 {
		threshold = DefaultThreshold
	}
	return f.Score >= threshold
}

// action is what becomes of a finding, or would in a dry run.
func (p Policy) action() string {
	if p.Mode == Flag {
		return protocol.ActionFlag
	}
	return p.Action
}

// verdict is what the processor says of the message.
func (p Policy) verdict(processor string, about Message, f Finding) *logpb.Verdict {
	v := &logpb.Verdict{Target: about.Seq, BodyAt: about.BodyAt, Action: p.action(), Processor: processor, Reason: short(f.Reason)}
	if v.Action == protocol.ActionMask {
		v.Spans = spansOf(f.Spans, uint32(utf8.RuneCountInString(about.Body)))
	}
	return v
}

// spansOf are what to mask of a body of that many runes. Where there are too many, what lies between is masked, too.
func spansOf(found []Span, runes uint32) []*logpb.Span {
	switch {
	case len(found) == 0:
		return []*logpb.Span{{Length: runes}}
	case len(found) > protocol.MaxSpans:
		first, last := found[0], found[len(found)-1]
		return []*logpb.Span{{Start: first.Start, Length: last.Start + last.Length - first.Start}}
	}
	out := make([]*logpb.Span, len(found))
	for i, s := range found {
		out[i] = &logpb.Span{Start: s.Start, Length: s.Length}
	}
	return out
}

// short cuts a reason to what a verdict takes.
func short(reason string) string {
	reason = strings.ToValidUTF8(reason, "")
	if len(reason) <= protocol.MaxReasonBytes {
		return reason
	}
	cut := protocol.MaxReasonBytes
	for !utf8.RuneStart(reason[cut]) {
		cut--
	}
	return reason[:cut]
}
