package main

import (
	"context"

	"google.golang.org/grpc/credentials"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/mutes"
	"github.com/chatcluster/chatcluster/runtime/verdicts"
)

// speakers take what processors say to the chat pods: each pod takes a share of the verdicts to the owners of their conversations. What is
// returned runs until its context ends; without Kafka it waits.
func (r role) speakers(b backends, muted *mutes.Directory, o *ops, creds credentials.TransportCredentials) (func(context.Context) error, error) {
	pool, err := chatpool.New(chatpool.Options{
		Service: r.cfg.Chat.Service, Gateway: r.pod, Logger: r.log, Credentials: creds, Resolve: fixed(r.cfg.Chat.Addresses),
	})
	if err != nil {
		return nil, err
	}
	applier, err := verdicts.New(verdicts.Options{Chat: pool, Log: b.store, Mutes: muted, Logger: r.log, Registerer: o.registerer})
	if err != nil {
		return nil, err
	}
	options := applier.Consumer()
	options.Tracer = r.tracers.Tracer("github.com/chatcluster/chatcluster/runtime/eventlog")
	options.ClientID, options.Log, options.Registerer = r.clientID(), r.log, o.registerer
	consumer, err := eventlog.NewConsumer(r.cfg.Kafka, options)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		return beside(ctx, func(ctx context.Context) error {
			if err := consumer.Run(ctx); err != nil {
				// Verdicts are said again; the chat goes on.
				r.log.WarnContext(ctx, "the consumer of verdicts ended", "error", err)
			}
			return nil
		}, pool.Run)
	}, nil
}
