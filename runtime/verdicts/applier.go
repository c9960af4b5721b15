package verdicts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// DefaultPatience is how long a conversation may refuse a verdict while others take theirs.
	DefaultPatience = 10 * time.Minute
	// side is how many conversations are worked on side by side, of a partition.
	side = 32
	// Delays between attempts.
	retryInitial = 50 * time.Millisecond
	retryMax     = 5 * time.Second
)

// Chat takes sends to the chat pods; package chatpool has it.
type Chat interface {
	// Send never waits. done is called exactly once.
	Send(s *chatpb.Send, done func(*chatpb.Result))
	// Ready says whether a send has somewhere to go.
	Ready() bool
}

// Log is where verdicts are, and what they are about.
type Log interface {
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
}

// Mutes keeps who may send nothing.
type Mutes interface {
	Mute(ctx context.Context, m store.Mute) error
}

// Options of an Applier. Chat, Log and Mutes are required.
type Options struct {
	Chat  Chat
	Log   Log
	Mutes Mutes
	// Patience is DefaultPatience when zero.
	Patience time.Duration
	// Logger takes what a person should know; nil discards it.
	Logger *slog.Logger
	// Registerer takes the metrics; nil keeps them unseen.
	Registerer prometheus.Registerer
}

// Applier has verdicts appended. It is safe for concurrent use.
type Applier struct {
	o       Options
	metrics *metrics
}

// New returns an applier.
func New(o Options) (*Applier, error) {
	if o.Chat == nil || o.Log == nil || o.Mutes == nil {
		return nil, errors.New("verdicts: chat, log and mutes are required")
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Applier{o: o}
	var err error
	a.metrics, err = newMetrics(o.Registerer)
	return a, err
}

// Consumer is what the consumer of verdicts must be for the applier.
func (a *Applier) Consumer() eventlog.ConsumerOptions {
	return eventlog.ConsumerOptions{Group: eventlog.VerdictsGroup, Topics: []string{eventlog.VerdictsTopic}, Handler: a.Handle}
}

// Handle has the verdicts appended. It is an eventlog.Handler: an error says that some may not be.
func (a *Applier) Handle(ctx context.Context, records []eventlog.Record) error {
	by := map[store.Conv][]eventlog.Record{}
	for _, r := range records {
		if r.Verdict != nil {
			by[r.Verdict.Conv] = append(by[r.Verdict.Conv], r)
		}
	}
	limited, limitedCtx := errgroup.WithContext(ctx)
	limited.SetLimit(side)
	for conv, list := range by {
		limited.Go(func() error {
			past := &past{log: a.o.Log, conv: conv}
			for _, r := range list {
				if err := a.apply(limitedCtx, r, past); err != nil {
					return fmt.Errorf("verdicts: %s: %w", conv, err)
				}
			}
			return nil
		})
	}
	return limited.Wait()
}

// apply has one verdict appended, or rejects it.
func (a *Applier) apply(ctx context.Context, r eventlog.Record, past *past) error {
	v := r.Verdict
	// It cannot be older than the body that it is about.
	after := max(v.Verdict.GetTarget(), v.Verdict.GetBodyAt())
	result, err := a.insist(ctx, r, v.ID, after)
	if err != nil {
		return err
	}
	if protocol.Code(result.GetCode()) == protocol.CodeRetryTooOld {
		was, err := past.seek(ctx, name{v.Verdict.GetProcessor(), v.ID}, v.Verdict, after)
		switch {
		case err != nil:
			return err
		case was.found:
			result = &chatpb.Result{Found: true, Seq: was.seq}
		case was.head == 0:
			result = &chatpb.Result{Code: string(protocol.CodeTooOld)}
		default:
			if result, err = a.insist(ctx, r, was.as, was.head); err != nil {
				return err
			}
		}
	}
	switch {
	case protocol.Code(result.GetCode()) == protocol.CodeSuspended:
		// The tenant is being purged: not even a dead letter is kept, and nobody is muted.
		a.metrics.outcomes.WithLabelValues("ignored").Inc()
		return nil
	case protocol.Code(result.GetCode()).Retryable():
		return a.reject(ctx, r, "refused for too long: "+result.GetCode())
	case result.GetCode() != "":
		return a.reject(ctx, r, "refused: "+result.GetCode()+": "+result.GetDetail())
	case result.GetFound():
		a.metrics.outcomes.WithLabelValues("repeated").Inc()
	default:
		a.metrics.outcomes.WithLabelValues("applied").Inc()
		a.metrics.delay.Observe(max(time.Since(r.Timestamp), 0).Seconds())
	}
	return a.mute(ctx, v, result)
}

func (a *Applier) reject(ctx context.Context, r eventlog.Record, reason string) error {
	if err := r.Reject(ctx, reason); err != nil {
		return err
	}
	a.metrics.outcomes.WithLabelValues("rejected").Inc()
	return nil
}

// insist sends the verdict until it is answered for good, or patience is over: then the last refusal is returned. Time without a chat
// pod does not count.
func (a *Applier) insist(ctx context.Context, r eventlog.Record, as string, after uint64) (*chatpb.Result, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = retryInitial, retryMax
	until := time.Now().Add(a.o.Patience)
	for {
		result, err := a.ask(ctx, r, as, after)
		if err != nil {
			return nil, err
		}
		if !protocol.Code(result.GetCode()).Retryable() {
			return result, nil
		}
		if !a.o.Chat.Ready() {
			until = time.Now().Add(a.o.Patience)
		} else if time.Now().After(until) {
			return result, nil
		}
		t := time.NewTimer(max(pause.NextBackOff(), time.Duration(result.GetRetryAfterMs())*time.Millisecond))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-t.C:
		}
	}
}

// ask sends the verdict once. Its sender is the processor, which is no device.
func (a *Applier) ask(ctx context.Context, r eventlog.Record, as string, after uint64) (*chatpb.Result, error) {
	v := r.Verdict
	done := make(chan *chatpb.Result, 1)
	a.o.Chat.Send(&chatpb.Send{
		Tenant: string(v.Conv.Tenant()), Conversation: v.Conv.ID(), User: v.Verdict.GetProcessor(), ClientMsgId: as, AfterSeq: &after,
		Change: &chatpb.Send_Verdict{Verdict: v.Verdict}, TraceParent: r.TraceParent,
	}, func(result *chatpb.Result) { done <- result })
	select {
	case result := <-done:
		return result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// mute has the sender of the message muted, where the verdict says so.
func (a *Applier) mute(ctx context.Context, v *eventlog.VerdictRecord, result *chatpb.Result) error {
	now := time.Now().Truncate(time.Millisecond)
	said := v.At
	if said.After(now) { // another's clock
		said = now
	}
	until := said.Add(v.MuteSender).Truncate(time.Second)
	if v.MuteSender <= 0 || !until.After(now) {
		return nil
	}
	if result.GetFound() && result.GetSeq() > 0 {
		by, err := entryAt(ctx, a.o.Log, v.Conv, result.GetSeq())
		if err != nil {
			return err
		}
		if by.GetVerdict().GetAction() == protocol.ActionNone {
			return nil // a person has let it pass
		}
	}
	e, err := entryAt(ctx, a.o.Log, v.Conv, v.Verdict.GetTarget())
	if err != nil {
		return err
	}
	if e.GetMessage() == nil {
		a.o.Logger.WarnContext(ctx, "nobody is muted: the message has left the log", "conversation", v.Conv.String(), "seq", v.Verdict.GetTarget())
		return nil
	}
	u, err := store.NewUser(v.Conv.Tenant(), e.GetSender())
	if err != nil {
		return err
	}
	if err := a.o.Mutes.Mute(ctx, store.Mute{User: u, At: now, Said: said, Until: until, By: v.Verdict.GetProcessor()}); err != nil {
		return fmt.Errorf("mute %s: %w", u, err)
	}
	a.metrics.mutes.Inc()
	return nil
}
