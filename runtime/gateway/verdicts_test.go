package gateway_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/verdicts"
)

// What a processor says is on every member's socket at once, and is there once however often it was said.
func TestVerdictsReachOpenConnections(t *testing.T) {
	w := gatewaytest.New(t)
	w.RealPod("c1", func(o *chat.Options) { o.HeadsEvery = time.Hour }) // nothing but the delivery itself brings it
	var options gateway.Options
	g := w.Gateway("g1", func(o *gateway.Options) { options = *o })
	w.Seed(store.Conversation{Conv: w.Conv("room"), Kind: store.Group, CreatedAt: time.Now()}, "alice", "bob")
	pool, err := chatpool.New(chatpool.Options{
		Service: options.ChatService, Resolve: options.Resolve, Gateway: "verdicts", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = pool.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	w.Eventually("the chat pod is there", pool.Ready)
	applier, err := verdicts.New(verdicts.Options{Chat: pool, Log: w.Store, Mutes: nobodyMuted{}})
	if err != nil {
		t.Fatal(err)
	}

	alice, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "bob", "phone")
	target := sendOn(alice, "room", "m1")
	said := func(action, id string) eventlog.Record {
		return eventlog.Record{Verdict: &eventlog.VerdictRecord{
			Conv: w.Conv("room"), ID: id, At: time.Now(),
			Verdict: &logpb.Verdict{Target: target, Action: action, Processor: "fraud", Reason: "look-alike:90"},
		}}
	}
	records := []eventlog.Record{said(protocol.ActionHide, "v"), said(protocol.ActionHide, "v"), said(protocol.ActionNone, "appeal")}
	if err := applier.Handle(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	type shown struct {
		Seq, Target uint64
		protocol.Verdict
	}
	want := []shown{
		{target + 1, target, protocol.Verdict{Action: "hide", Processor: "fraud", Reason: "look-alike:90"}},
		{target + 2, target, protocol.Verdict{Action: "none", Processor: "fraud", Reason: "look-alike:90"}},
	}
	for user, s := range map[string]*gatewaytest.Socket{"alice": alice, "bob": bob} {
		var got []shown
		for _, e := range s.Entries(target + 2) {
			if e.Kind == protocol.KindVerdict {
				got = append(got, shown{e.Seq, e.Target, *e.Verdict})
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", user, d)
		}
	}
}

type nobodyMuted struct{}

func (nobodyMuted) Mute(context.Context, store.Mute) error { return nil }
