package main

import (
	"context"
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/moderate"
)

// detectorRole is a detector as a role.
type detectorRole struct {
	name, short string
	// action is what Enforce does where the configuration does not say.
	action string
	// open makes the detector of its part of the configuration. It registers what it counts with the ops.
	open func(role, backends, config.Detector, *ops) (moderate.Detector, error)
}

// detectors are those that this binary has.
var detectors = []detectorRole{}

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
	detector, err := d.open(r, b, own, o)
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
