package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Processor is one of the system's, which reads the log and says verdicts by itself.
type Processor struct {
	// Name is its consumer group's, and who its verdicts are by.
	Name string
	// Lure is what people write now and then for it to find.
	Lure string
	// Sure says that it finds every body with its lure, and no other. Otherwise it says of each body one verdict or none: it goes by more
	// than the body.
	Sure bool
	// Action is what its verdicts do.
	Action string
}

// processor is whose verdict an entry is, nil where it is none of a processor's.
func (r *run) processor(e *logpb.Entry) *Processor {
	if e.GetVerdict() == nil {
		return nil
	}
	i := slices.IndexFunc(r.s.Processors, func(p Processor) bool { return p.Name == e.GetSender() })
	if i < 0 {
		return nil
	}
	return &r.s.Processors[i]
}

// body is one that was written: the message's at seq, as it was sent or as the edit at bodyAt left it.
type body struct{ seq, bodyAt uint64 }

// published are the bodies that Kafka was given of a conversation: those that a processor has seen.
func (v *verification) published(conv string) map[body]string {
	out := map[body]string{}
	for _, k := range v.kafka[conv] {
		for _, e := range k.batch.GetEntries() {
			switch {
			case e.GetMessage().GetBody() != "":
				m := e.GetMessage()
				out[body{e.GetSeq(), max(m.GetEditedSeq(), m.GetBodyAt())}] = m.GetBody()
			case e.GetEdited().GetBody() != "":
				out[body{e.GetEdited().GetTarget(), e.GetSeq()}] = e.GetEdited().GetBody()
			}
		}
	}
	return out
}

// checkVerdicts reads the logs again and verifies the verdicts in them.
func (v *verification) checkVerdicts(ctx context.Context) ([]Violation, error) {
	if _, err := v.readLogs(ctx); err != nil {
		return nil, err
	}
	return v.judgeProcessors(), nil
}

// judgeProcessors verifies that processors have said one verdict of each body that they find, whatever was killed meanwhile, and none of
// another.
func (v *verification) judgeProcessors() (bad []Violation) {
	v.verdicts = map[string]int{}
	for id, l := range v.logs {
		bodies := v.published(id)
		for _, p := range v.r.s.Processors {
			said := map[body]uint64{}
			for _, e := range l.entries {
				if e.GetVerdict() == nil || e.GetSender() != p.Name {
					continue
				}
				v.verdicts[p.Name]++
				if what := p.contradicts(e, bodies, said); what != "" {
					bad = append(bad, Violation{Promise: "verdicts", Where: at(l, e.GetSeq()), What: p.Name + " " + what, History: v.history(l, e.GetSeq(), nil)})
				}
				said[body{e.GetVerdict().GetTarget(), e.GetVerdict().GetBodyAt()}] = e.GetSeq()
			}
			for b, text := range bodies {
				if p.Sure && said[b] == 0 && strings.Contains(text, p.Lure) {
					bad = append(bad, Violation{
						Promise: "verdicts", Where: at(l, b.seq), History: v.history(l, max(b.seq, b.bodyAt), nil),
						What: fmt.Sprintf("%s has said nothing of the body of %d that %d left", p.Name, b.seq, b.bodyAt),
					})
				}
			}
		}
	}
	return bad
}

// contradicts says what is wrong with a verdict, given what was published and what the processor said before.
func (p Processor) contradicts(e *logpb.Entry, bodies map[body]string, said map[body]uint64) string {
	verdict := e.GetVerdict()
	b := body{verdict.GetTarget(), verdict.GetBodyAt()}
	text, ok := bodies[b]
	switch {
	case said[b] > 0:
		return fmt.Sprintf("judges the body of %d that %d left a second time, after %d", b.seq, b.bodyAt, said[b])
	case !ok:
		return "judges a body that it was not given"
	case p.Sure && !strings.Contains(text, p.Lure):
		return "finds something where nothing is"
	case verdict.GetAction() != p.Action:
		return "says " + verdict.GetAction() + ", not " + p.Action
	case verdict.GetAction() == protocol.ActionMask && !masksAll(text, p.Lure, verdict.GetSpans()):
		return "masks something else than what it finds"
	}
	return ""
}

// masksAll says whether the spans are the lures of the text.
func masksAll(text, lure string, spans []*logpb.Span) bool {
	word := len([]rune(lure))
	for _, s := range spans {
		runes := []rune(text)
		if int(s.GetLength()) != word || int(s.GetStart()) > len(runes)-word || string(runes[s.GetStart():int(s.GetStart())+word]) != lure {
			return false
		}
	}
	return len(spans) == strings.Count(text, lure)
}

// awaitProcessors says which groups have not done all that Kafka has.
func (v *verification) awaitProcessors(ctx context.Context) ([]Violation, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := kgo.NewClient(kgo.SeedBrokers(v.r.s.Kafka.Brokers...))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var groups []string
	for _, p := range v.r.s.Processors {
		groups = append(groups, p.Name)
	}
	if len(groups) > 0 {
		groups = append(groups, eventlog.VerdictsGroup)
	}
	if v.r.s.Books {
		groups = append(groups, eventlog.AuditGroup, eventlog.AnalyticsGroup)
	}
	for i, g := range groups {
		groups[i] = eventlog.FullName(v.r.s.Kafka.TopicPrefix, g)
	}
	lags, err := kadm.NewClient(c).Lag(ctx, groups...)
	if err != nil {
		return nil, err
	}
	var bad []Violation
	for _, g := range groups {
		l := lags[g]
		if err := l.Error(); err != nil {
			return nil, fmt.Errorf("the lag of %s: %w", g, err)
		}
		if l.Lag.Total() > 0 {
			bad = append(bad, Violation{Promise: "verdicts", Where: g, What: fmt.Sprintf("it is %d records behind, long after everything was healed", l.Lag.Total())})
		}
	}
	return bad, nil
}
