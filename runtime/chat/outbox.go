package chat

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// outboxPage is how many batches one look at a shard takes.
	outboxPage = 256
	// outboxConvs is how many conversations are drained side by side.
	outboxConvs = 8
	// coolAfter is how many empty looks in a row a hot shard gets: its index may lag.
	coolAfter = 5
)

// outbox knows which shards are likely to owe something. Another pod may drain them too: twice is harmless.
type outbox struct {
	mu  sync.Mutex
	hot [store.OutboxShards]int // looks left, 0 when nothing is known to be owed
	// oldest is when the oldest batch was committed that the shard owed at the last look, zero when it owed none.
	oldest [store.OutboxShards]time.Time
}

// saw takes note of what a look found.
func (o *outbox) saw(shard int, owed []store.Owed) {
	var oldest time.Time
	for _, one := range owed {
		if at := time.UnixMilli(one.Batch.GetEntries()[0].GetAtMs()); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.oldest[shard] = oldest
}

// age is how old the oldest batch is that Kafka is owed as far as this pod has seen, 0 when there is none.
func (o *outbox) age() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	var age time.Duration
	for _, at := range o.oldest {
		if !at.IsZero() {
			age = max(age, time.Since(at))
		}
	}
	return age
}

func (o *outbox) heat(shard int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hot[shard] = coolAfter
}

// cool takes note of an empty look.
func (o *outbox) cool(shard int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hot[shard] = max(0, o.hot[shard]-1)
}

func (o *outbox) hotShards() []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	var shards []int
	for i, n := range o.hot {
		if n > 0 {
			shards = append(shards, i)
		}
	}
	return shards
}

// drainHot looks after the shards that are known to owe something.
func (s *Service) drainHot(ctx context.Context) {
	every(ctx, s.o.OutboxEvery, func() {
		for _, shard := range s.outbox.hotShards() {
			s.drainShard(ctx, shard)
		}
	})
}

// drainAll goes round all shards, one look at a time with jitter: what a pod that died has left is found within about two
// rounds. An empty look costs half a read unit.
func (s *Service) drainAll(ctx context.Context) {
	shard := rand.IntN(store.OutboxShards)
	step := s.o.OutboxIdle / store.OutboxShards
	for sleep(ctx, step/2+rand.N(step+1)) {
		s.drainShard(ctx, shard)
		shard = (shard + 1) % store.OutboxShards
	}
}

// drainShard publishes what the shard owes, each conversation's batches in order, and clears what Kafka has accepted.
func (s *Service) drainShard(ctx context.Context, shard int) {
	var owed []store.Owed
	err := s.call(ctx, func(ctx context.Context) (err error) {
		owed, err = s.o.Store.Outbox(ctx, shard, outboxPage)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			s.o.Log.Warn("the outbox cannot be read", "shard", shard, "error", err)
		}
		return
	}
	s.outbox.saw(shard, owed)
	if len(owed) == 0 {
		s.outbox.cool(shard)
		return
	}
	s.outbox.heat(shard)
	if !s.breaker.allow() {
		return
	}
	byConv := map[store.Conv][]store.Owed{}
	for _, o := range owed {
		byConv[o.Conv] = append(byConv[o.Conv], o)
	}
	var g errgroup.Group
	g.SetLimit(outboxConvs)
	for conv, list := range byConv {
		g.Go(func() error {
			s.drainConv(ctx, conv, list)
			return nil
		})
	}
	_ = g.Wait() // drainConv reports for itself
}

// drainConv stops at the first batch that Kafka does not take: what follows waits for it.
func (s *Service) drainConv(ctx context.Context, conv store.Conv, list []store.Owed) {
	kind, err := s.kindOf(ctx, conv)
	if err != nil {
		s.o.Log.Warn("an owed batch's conversation cannot be read", "conversation", conv.String(), "error", err)
		return
	}
	for _, o := range list {
		if err := s.publishAndWait(ctx, conv, kind, o); err != nil {
			return
		}
		s.metrics.drained.Inc()
		err := s.call(ctx, func(ctx context.Context) error { return s.o.Store.ClearOutbox(ctx, conv, o.First) })
		if err != nil {
			s.o.Log.Warn("a published batch is still marked as owed", "conversation", conv.String(), "first", o.First, "error", err)
			return
		}
	}
}

func (s *Service) publishAndWait(ctx context.Context, conv store.Conv, kind string, o store.Owed) error {
	done := make(chan error, 1)
	s.o.Publisher.PublishBatch(conv, kind, o.Batch, func(err error) {
		s.kafkaReport(err)
		done <- err
	})
	t := time.NewTimer(s.o.KafkaTimeout)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return errKafkaSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kindOf returns the conversation's kind, which never changes.
func (s *Service) kindOf(ctx context.Context, conv store.Conv) (kind string, err error) {
	err = s.call(ctx, func(ctx context.Context) error {
		c, err := s.o.Store.Conversation(ctx, conv)
		kind = c.Kind
		return err
	})
	return kind, err
}
