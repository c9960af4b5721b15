package main

import (
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/mutes"
)

var errDraining = errors.New("draining")

func runChat(ctx context.Context, r role, o *ops) error {
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
	asClient, creds, err := r.chatCredentials(o)
	if err != nil {
		return err
	}
	muted, err := mutes.New(mutes.Options{Store: b.store, Log: r.log})
	if err != nil {
		return err
	}
	speakers, err := r.speakers(b, muted, o, asClient)
	if err != nil {
		return err
	}
	service, err := chat.New(chat.Options{
		Pod:          r.pod,
		Store:        b.store,
		Publisher:    producer,
		Registry:     b.cache,
		Routes:       b.cache,
		Tenants:      directory,
		Mutes:        muted,
		Use:          b.cache,
		Credentials:  creds,
		HotRetention: r.cfg.DynamoDB.HotRetention.Duration,
		Log:          r.log,
		Registerer:   o.registerer,
		Tracer:       r.tracers.Tracer("github.com/chatcluster/chatcluster/runtime/chat"),
	})
	if err != nil {
		return err
	}
	ln, err := r.listener(ctx)
	if err != nil {
		return err
	}
	o.require(
		check{name: "service", run: func(context.Context) error {
			if service.Draining() {
				return errDraining
			}
			return nil
		}},
		check{name: "store", run: storeAnswers(b.store), weight: toStart},
		check{name: "kafka", run: producer.Ping, weight: told},
		check{name: "cache", run: b.cache.Ping, weight: told},
	)
	return beside(ctx, func(ctx context.Context) error { return service.Serve(ctx, ln) }, directory.Run, muted.Run, speakers)
}
