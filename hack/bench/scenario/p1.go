package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/hack/bench/judge"
	"github.com/chatcluster/chatcluster/hack/bench/server"
	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/fraud"
	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam"
)

// processor is a detector to measure.
type processor struct {
	name string
	// bar is messages a second and core.
	bar float64
	// bad is found, from a score on.
	bad  string
	from int
	make func(*redisState) (moderate.Detector, error)
}

var processorsToMeasure = []processor{
	{profanity.Name, 50_000, "oh well, what the f.u.c.k is that, and why is it here at all today", 90,
		func(s *redisState) (moderate.Detector, error) {
			return profanity.New(profanity.Options{Registerer: s.registry})
		}},
	{spam.Name, 20_000, "Make $500 daily working from home, no experience needed! Message me now!!!", 70,
		func(s *redisState) (moderate.Detector, error) {
			return spam.New(spam.Options{State: s.state(spam.Name, spam.Window), Registerer: s.registry})
		}},
	{fraud.Name, 20_000, "please verify your account or it will be suspended: https://paypa1.com/restore", 90,
		func(s *redisState) (moderate.Detector, error) {
			return fraud.New(fraud.Options{State: s.state(fraud.Name, fraud.Window), Registerer: s.registry})
		}},
}

// processors: how many messages a second of one core each detector judges, what it remembers in a real Redis.
func processors(ctx context.Context, b *bench) error {
	b.Bar = "at least 50,000 messages/s per core for profanity, 20,000 for spam and for fraud"
	b.Met = true
	for _, p := range processorsToMeasure {
		var perCore, perSecond, falsely []float64
		for range short(b, 1, b.o.Repeats) {
			m, err := b.processor(ctx, p)
			if err != nil {
				return err
			}
			perCore, perSecond = append(perCore, m.PerCore()), append(perSecond, m.PerSecond())
			falsely = append(falsely, float64(m.False)/float64(m.Messages))
			b.logf("%s: %.0f messages/s per core, %.0f/s by the clock, %d messages", p.name, m.PerCore(), m.PerSecond(), m.Messages)
		}
		b.Figures[p.name+"_per_core_per_second"], b.Figures[p.name+"_per_second"] = spreadOf(perCore), spreadOf(perSecond)
		b.Figures[p.name+"_falsely_found"] = spreadOf(falsely)
		b.Met = b.Met && spreadOf(perCore).Median >= p.bar
	}
	return nil
}

func (b *bench) processor(ctx context.Context, p processor) (m judge.Measured, err error) {
	s, err := b.redis()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.end(ctx)) }()
	d, err := p.make(s)
	if err != nil {
		return m, err
	}
	if m, err = judge.Bench(ctx, d, p.bad, p.from, short(b, time.Second, b.warmUp()/3), short(b, 3*time.Second, 20*time.Second)); err != nil {
		return m, err
	}
	// Words at random are no talk: a classifier may find a few of them.
	if m.Missed+m.Unequal > 0 || m.False > m.Messages/100 {
		b.fail(fmt.Errorf("%s: %d bad messages missed, %d others found, %d judged otherwise when they came again, of %d", p.name, m.Missed, m.False, m.Unequal, m.Messages))
	}
	b.fail(s.audit(ctx))
	return m, nil
}

// redisState is a part of the world's Redis.
type redisState struct {
	client   redis.UniversalClient
	prefix   string
	registry *prometheus.Registry
}

func (b *bench) redis() (*redisState, error) {
	env, err := server.Engines()
	if err != nil {
		return nil, err
	}
	b.runs++
	cfg := config.Redis{Addresses: []string{env.Redis}}
	if env.RedisPassword != "" {
		cfg.PasswordFile = filepath.Join(b.dir, "redis-password")
		if err := os.WriteFile(cfg.PasswordFile, []byte(env.RedisPassword), 0o600); err != nil {
			return nil, err
		}
	}
	client, err := cache.Client(cfg)
	if err != nil {
		return nil, err
	}
	return &redisState{client: client, prefix: fmt.Sprintf("p1-%d-%d:", os.Getpid(), b.runs), registry: prometheus.NewRegistry()}, nil
}

func (s *redisState) state(detector string, window time.Duration) *recall.Redis {
	return recall.New(s.client, recall.Options{KeyPrefix: s.prefix, Detector: detector, Window: window})
}

// audit checks that Redis has always answered, and that all that is remembered has an end.
func (s *redisState) audit(ctx context.Context) error {
	families, err := s.registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if f.GetName() != "chatcluster_moderation_stateless_total" {
			continue
		}
		if n := f.GetMetric()[0].GetCounter().GetValue(); n > 0 {
			return fmt.Errorf("%.0f messages were judged without Redis", n)
		}
	}
	return s.each(ctx, func(key string) error {
		ttl, err := s.client.PTTL(ctx, key).Result()
		if err == nil && ttl <= 0 {
			err = errors.New("a key that has no end")
		}
		return err
	}, 1000)
}

// each calls f with keys of this part, at most so many; 0: all.
func (s *redisState) each(ctx context.Context, f func(string) error, most int) error {
	it := s.client.Scan(ctx, 0, s.prefix+"*", 1000).Iterator()
	for n := 0; it.Next(ctx) && (most == 0 || n < most); n++ {
		if err := f(it.Val()); err != nil {
			return err
		}
	}
	return it.Err()
}

// end removes what was remembered.
func (s *redisState) end(ctx context.Context) error {
	err := s.each(ctx, func(key string) error { return s.client.Unlink(ctx, key).Err() }, 0)
	return errors.Join(err, s.client.Close())
}
