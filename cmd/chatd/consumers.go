package main

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/notify"
	"github.com/chatcluster/chatcluster/runtime/project"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/push/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
)

func runNotify(ctx context.Context, r role, o *ops) error {
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
	book, err := r.figures(producer, o)
	if err != nil {
		return err
	}
	defer r.closeFigures(book)
	// Badges alone come from there: pushes go on without it, so readiness does not ask for it.
	model, err := readmodel.Open(r.cfg.Postgres, readmodel.Options{Application: r.clientID()})
	if err != nil {
		return err
	}
	defer model.Close()
	directory, err := r.tenants(b)
	if err != nil {
		return err
	}
	sender := pinpoint.New(pinpoint.NewClient(b.aws, r.cfg.AWS.Endpoints.Pinpoint), pinpoint.Options{Log: r.log})
	notifier, err := notify.New(notify.Options{
		Store:        b.store,
		Cache:        b.cache,
		Sender:       push.NewBreaker(sender),
		Badges:       model,
		DeadLetters:  producer,
		Figures:      book,
		Pod:          r.pod,
		PerMinute:    r.cfg.Push.PerMinute,
		Application:  r.cfg.Push.ApplicationID,
		Applications: applications{directory, r.cfg.Push.ApplicationID},
		Delay:        r.cfg.Push.Delay.Duration,
		Log:          r.log,
		Registerer:   o.registerer,
	})
	if err != nil {
		return err
	}
	o.require(check{name: "store", run: storeAnswers(b.store), weight: toStart}, check{name: "cache", run: b.cache.Ping, weight: told})
	return r.consume(ctx, o, notifier.ConsumerOptions(), func(ctx context.Context) error { return beside(ctx, notifier.Run, directory.Run, book.Run) })
}

func runProject(ctx context.Context, r role, o *ops) error {
	b, err := r.backends(ctx)
	if err != nil {
		return err
	}
	defer b.cache.Close()
	model, err := readmodel.Open(r.cfg.Postgres, readmodel.Options{Application: r.clientID()})
	if err != nil {
		return err
	}
	defer model.Close()
	writer := readmodel.NewWriter(model, b.store)
	writer.Retain(r.cfg.Postgres.ReadRetention.Duration)
	projector, err := project.New(project.Options{
		Model:        writer,
		Cache:        b.cache,
		Tails:        b.store,
		Tenants:      b.store,
		HotRetention: r.cfg.DynamoDB.HotRetention.Duration,
		Log:          r.log,
		Registerer:   o.registerer,
	})
	if err != nil {
		return err
	}
	o.require(check{name: "read model", run: model.Compatible}, check{name: "store", run: storeAnswers(b.store), weight: toStart}, check{name: "cache", run: b.cache.Ping, weight: told})
	return r.consume(ctx, o, projector.Consumer(), projector.Run)
}

// consume runs a consumer, and beside it what its handler leaves to be done: that ends last, so what is complete when the
// consumer stops is committed.
func (r role) consume(ctx context.Context, o *ops, options eventlog.ConsumerOptions, work func(context.Context) error) error {
	options.Tracer = r.tracers.Tracer("github.com/chatcluster/chatcluster/runtime/eventlog")
	options.ClientID, options.Log, options.Registerer = r.clientID(), r.log, o.registerer
	consumer, err := eventlog.NewConsumer(r.cfg.Kafka, options)
	if err != nil {
		return err
	}
	o.require(check{name: "kafka", run: consumer.Ping})
	return beside(ctx, consumer.Run, work)
}
