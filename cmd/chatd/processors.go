package main

import (
	"context"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/fraud"
	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// detectorRole is a detector as a role.
type detectorRole struct {
	name, short string
	// action is what Enforce does where the configuration does not say.
	action string
	// window is how long before a message its sender's others count with it; zero: nothing of senders is remembered.
	window time.Duration
	// open makes the detector of its part of the configuration and of what is remembered. It registers what it counts with the ops.
	open func(config.Detector, *recall.Redis, *ops) (moderate.Detector, error)
}

// detectors are those that this binary has.
var detectors = []detectorRole{
	{name: spam.Name, short: "Judge messages: spam", action: protocol.ActionHide, window: spam.Window,
		open: func(own config.Detector, state *recall.Redis, o *ops) (moderate.Detector, error) {
			l := own.Limits
			limits := spam.Limits{
				Velocity: l.Velocity, FanOut: l.FanOut, Duplicates: l.Duplicates, Spread: l.Spread, NewContacts: l.NewContacts, NewFor: l.NewFor.Duration,
			}
			return spam.New(spam.Options{State: state, Limits: limits, Log: o.log, Registerer: o.registerer})
		}},
	{name: profanity.Name, short: "Judge messages: profanity", action: protocol.ActionMask,
		open: func(own config.Detector, _ *recall.Redis, o *ops) (moderate.Detector, error) {
			return profanity.New(profanity.Options{Locales: own.Locales, Lists: own.ListsDir, Log: o.log, Registerer: o.registerer})
		}},
	{name: fraud.Name, short: "Judge messages: fraud", action: protocol.ActionHide, window: fraud.Window,
		open: func(own config.Detector, state *recall.Redis, o *ops) (moderate.Detector, error) {
			return fraud.New(fraud.Options{Lists: own.ListsDir, State: state, Log: o.log, Registerer: o.registerer})
		}},
}

// state is what the detector remembers of senders, nil for one that remembers nothing. Close it.
func (d detectorRole) state(cfg config.Redis) (*recall.Redis, error) {
	if d.window == 0 {
		return nil, nil
	}
	client, err := cache.Client(cfg)
	if err != nil {
		return nil, err
	}
	return recall.New(client, recall.Options{KeyPrefix: cfg.KeyPrefix, Detector: d.name, Window: d.window}), nil
}

// run is the role.
func (d detectorRole) run(ctx context.Context, r role, o *ops) error {
	own, ok := r.cfg.Processors.By()[d.name]
	if !ok {
		return fmt.Errorf("configuration: processors.%s is missing", d.name)
	}
	b, err := r.backends(ctx)
	if err != nil {
		return err
	}
	defer b.cache.Close()
	producer, err := r.producer()
	if err != nil {
		return err
	}
	defer r.closeProducer(producer)
	directory, err := r.tenants(b)
	if err != nil {
		return err
	}
	state, err := d.state(r.cfg.Redis)
	if err != nil {
		return err
	}
	if state != nil {
		defer state.Close() //nolint:errcheck // nothing is on its way any more
	}
	detector, err := d.open(own, state, o)
	if err != nil {
		return err
	}
	policy := moderate.Policy{Mode: moderate.Mode(own.Mode), Threshold: own.Threshold, Action: own.Action, MuteSenderFor: own.MuteSenderFor.Duration}
	if policy.Action == "" {
		policy.Action = d.action
	}
	moderator, err := moderate.New(moderate.Options{
		Detector: detector, Publisher: producer, Policy: policy, Tenants: directory, Log: r.log, Registerer: o.registerer,
	})
	if err != nil {
		return err
	}
	o.require(check{name: "store", run: storeAnswers(b.store), weight: toStart}, check{name: "cache", run: b.cache.Ping, weight: told})
	return r.consume(ctx, o, moderator.Consumer(), func(ctx context.Context) error {
		if runner, ok := detector.(moderate.Runner); ok {
			return beside(ctx, directory.Run, runner.Run)
		}
		return directory.Run(ctx)
	})
}
