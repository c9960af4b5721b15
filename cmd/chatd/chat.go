package main

import (
	"context"
	"errors"
	"net"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/chat"
)

var errDraining = errors.New("draining")

func runChat(ctx context.Context, r role, o *ops) error {
	awsCfg, err := r.awsConfig(ctx)
	if err != nil {
		return err
	}
	st := r.store(awsCfg)
	redis, err := cache.Connect(r.cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.Close()
	producer, err := r.producer()
	if err != nil {
		return err
	}
	defer r.closeProducer(producer)
	service, err := chat.New(chat.Options{
		Pod:          r.pod,
		Store:        st,
		Publisher:    producer,
		Registry:     redis,
		HotRetention: r.cfg.DynamoDB.HotRetention.Duration,
		Log:          r.log,
		Registerer:   o.registry,
	})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", r.listen)
	if err != nil {
		return err
	}
	o.require(check{"store", latch(storeAnswers(st))}, check{"service", func(context.Context) error {
		if service.Draining() {
			return errDraining
		}
		return nil
	}})
	return service.Serve(ctx, ln)
}
