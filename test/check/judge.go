package check

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// judgedEvery is how long it is from one verdict to the next, on average, next to a device's pace.
const judgedEvery = 2

// judges are whose verdicts the checker says itself, beside those of the system's processors.
var judges = []string{"strict", "stern", "mild"}

// setUpJudges makes the judges, which live as long as the run.
func (r *run) setUpJudges(ctx context.Context) {
	if r.s.Judge == nil {
		return
	}
	for _, name := range judges {
		d := r.newDevice(name, "")
		d.alive, d.end = context.WithCancel(context.WithoutCancel(ctx))
		r.judges = append(r.judges, d)
	}
}

// judge has the judges say something of what was said, until ctx ends.
func (r *run) judge(ctx context.Context, rng *rand.Rand) {
	for pause(ctx, time.Duration(rng.Int64N(int64(2*judgedEvery*r.o.Pace)))) == nil {
		who, conv := r.judges[rng.IntN(len(r.judges))], r.conversations[rng.IntN(len(r.conversations))]
		whose, which := rng.IntN(len(r.devices)), rng.IntN(recent)
		v := &logpb.Verdict{Processor: who.user, Reason: "checked", Action: action(rng.IntN(100))}
		span := &logpb.Span{Start: uint32(rng.IntN(20)), Length: uint32(1 + rng.IntN(40))}
		if v.Action == protocol.ActionMask {
			v.Spans = []*logpb.Span{span}
		}
		m, ok := r.onAScreen(conv, whose, which)
		if !ok {
			continue
		}
		v.Target, v.Revision = m.Seq, m.Revision
		who.pronounce(conv, v)
	}
}

func action(draw int) string {
	switch {
	case draw < 30:
		return protocol.ActionFlag
	case draw < 65:
		return protocol.ActionMask
	case draw < 85:
		return protocol.ActionHide
	default:
		return protocol.ActionNone
	}
}

// onAScreen returns one of the last messages of a conversation as one of the devices shows it.
func (r *run) onAScreen(conv *conversation, whose, which int) (protocol.Entry, bool) {
	for i := range r.devices {
		d := r.devices[(whose+i)%len(r.devices)]
		seq := d.aMessage(conv.id, which, false)
		if seq == 0 {
			continue
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, s := range d.screens[conv.id] {
			if s.Seq == seq {
				return s.Entry, true
			}
		}
	}
	return protocol.Entry{}, false
}

// pronounce asks for a verdict.
func (d *device) pronounce(conv *conversation, v *logpb.Verdict) {
	select {
	case d.flying <- struct{}{}:
	default:
		return
	}
	d.orders++
	o := &op{
		device: d, order: d.orders, conv: conv, verdict: v, at: time.Now(),
		want: protocol.Entry{Kind: protocol.KindVerdict, Sender: d.user, Target: v.GetTarget()},
	}
	d.insist(o, func(ctx context.Context, key string) (uint64, error) {
		r := d.r.s.Judge(ctx, &chatpb.Send{Conversation: conv.id, User: d.user, ClientMsgId: key, Change: &chatpb.Send_Verdict{Verdict: v}})
		switch code := protocol.Code(r.GetCode()); {
		case r == nil:
			return 0, errors.New("no answer")
		case code != "":
			return 0, &client.Error{Code: code, Detail: r.GetDetail(), RetryAfter: time.Duration(r.GetRetryAfterMs()) * time.Millisecond}
		}
		return r.GetSeq(), nil
	})
}
