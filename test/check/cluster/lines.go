package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/chatcluster/chatcluster/test/check/fault"
)

// lines are the proxies: everything that one process says to another goes through one of them.
type lines struct {
	clients  *fault.TCP   // clients → gateways
	chats    []*fault.TCP // gateways → each chat pod
	redis    *fault.TCP
	postgres *fault.TCP
	push     *fault.TCP
	kafka    *fault.Kafka
	dynamo   *fault.Dynamo
}

// toEngines starts what stands between the roles and the engines.
func (l *lines) toEngines(ctx context.Context, w World) (err error) {
	if l.dynamo, err = fault.NewDynamo(ctx, w.DynamoDB.Endpoint); err != nil {
		return err
	}
	if l.kafka, err = fault.NewKafka(ctx, w.Kafka.Address); err != nil {
		return err
	}
	if l.redis, err = fault.NewTCP(ctx, w.Redis.Address); err != nil {
		return err
	}
	if l.postgres, err = fault.NewTCP(ctx, w.Postgres.Address); err != nil {
		return err
	}
	sink, err := url.Parse(w.Sink.URL)
	if err != nil {
		return fmt.Errorf("the push sink's URL: %w", err)
	}
	l.push, err = fault.NewTCP(ctx, sink.Host)
	return err
}

// toChat starts what stands before a chat pod.
func (l *lines) toChat(ctx context.Context, listen, pod string) error {
	t, err := fault.NewTCPAt(ctx, listen, pod)
	if err == nil {
		l.chats = append(l.chats, t)
	}
	return err
}

func (l *lines) tcp() []*fault.TCP {
	all := append([]*fault.TCP{l.clients, l.redis, l.postgres, l.push}, l.chats...)
	if l.kafka != nil {
		all = append(all, l.kafka.TCP)
	}
	return all
}

// heal lets everything pass.
func (l *lines) heal() {
	l.dynamo.Down(false)
	l.dynamo.Set(fault.Rates{})
	l.kafka.Set(fault.Rates{})
	for _, t := range l.tcp() {
		t.Refuse(false)
		t.Stall(false)
	}
}

// close ends those that were started.
func (l *lines) close() error {
	var errs []error
	for _, t := range l.tcp() {
		if t != nil {
			errs = append(errs, t.Close())
		}
	}
	if l.dynamo != nil {
		errs = append(errs, l.dynamo.Close())
	}
	return errors.Join(errs...)
}
