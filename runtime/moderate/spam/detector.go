package spam

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/links"
	"github.com/chatcluster/chatcluster/runtime/moderate/reasons"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier"
)

// Detector finds spam.
type Detector struct {
	state  State
	limits Limits
	model  *classifier.Model
	guard  *recall.Guard
}

// New returns a detector.
func New(o Options) (*Detector, error) {
	guard, err := recall.NewGuard(Name, o.Log, o.Registerer)
	if err != nil {
		return nil, err
	}
	return &Detector{state: o.State, limits: o.Limits.orDefaults(), model: classifier.Default(), guard: guard}, nil
}

// Name is the processor's.
func (d *Detector) Name() string { return Name }

// What is found.
var (
	velocity      = reasons.Reason{Name: "velocity", Weight: 40}
	flood         = reasons.Reason{Name: "flood", Weight: 80}
	fanOut        = reasons.Reason{Name: "fan-out", Weight: 40}
	nearDuplicate = reasons.Reason{Name: "near-duplicate", Weight: 50}
	spread        = reasons.Reason{Name: "spread", Weight: 50}
	newContacts   = reasons.Reason{Name: "new-contacts", Weight: 30}
	newSenderLink = reasons.Reason{Name: "new-sender-link", Weight: 25}
	likelySpam    = reasons.Reason{Name: "classifier", Weight: 70}
	maybeSpam     = reasons.Reason{Name: "classifier", Weight: 35}
)

// From which likelihoods the classifier is a reason.
const (
	likely = 0.9
	maybe  = 0.75
)

// suspect is a message under judgement.
type suspect struct {
	reasons.Tally
	link bool
	// near and same are hashes of the text; 0: it is not compared.
	near, same uint64
}

// Judge says of each message why it is spam. It fails only when the context has ended.
func (d *Detector) Judge(ctx context.Context, messages []moderate.Message) ([]moderate.Finding, error) {
	suspects := make([]suspect, len(messages))
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		suspects[i] = d.read(m)
	}
	if err := d.recall(ctx, messages, suspects); err != nil {
		return nil, err
	}
	findings := make([]moderate.Finding, len(messages))
	for i := range suspects {
		if s := &suspects[i]; s.Score() > 0 {
			findings[i] = moderate.Finding{Score: s.Score(), Reason: s.String()}
		}
	}
	return findings, nil
}

// read judges a text by itself.
func (d *Detector) read(m moderate.Message) (s suspect) {
	found := links.Find(m.Body)
	text := classifier.Read(m.Body, found)
	s.link = len(found) > 0
	if m.BodyAt == 0 {
		s.near, s.same = simhash(text), exact(text)
	}
	switch p := d.model.Spam(text); {
	case p >= likely:
		s.Add(likelySpam)
	case p >= maybe:
		s.Add(maybeSpam)
	}
	return s
}
