package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/test/check"
)

const (
	tenant   = "check"
	tokenTTL = 24 * time.Hour
	// pushDelay is short, so that a short run has pushes.
	pushDelay = 2 * time.Second
)

// Options of Start.
type Options struct {
	World World
	// Chatd is the binary.
	Chatd string
	// Dir takes the configuration and the roles' logs.
	Dir string
	// Level is the roles' log level; info when empty.
	Level string
	// Bare leaves the stream processors out.
	Bare bool
	// Gateways and Chats are how many processes of each there are: 2.
	Gateways, Chats int
}

// Cluster is a running data plane.
type Cluster struct {
	o         Options
	name      string
	direct    config.Config // past the faults
	aws       aws.Config
	key       *issuer.Key
	lines     lines
	processes []*process // the chat pods first, the stream processors last
	serving   int        // how many are no stream processors
	judge     *judge

	mu     sync.Mutex
	deaths []check.Violation
}

// Start starts everything and waits until it is ready. What it started is ended when it fails.
func Start(ctx context.Context, o Options) (_ *Cluster, err error) {
	if o.Gateways <= 0 {
		o.Gateways = 2
	}
	if o.Chats <= 0 {
		o.Chats = 2
	}
	if o.Level == "" {
		o.Level = "info"
	}
	c := &Cluster{o: o, name: "check" + strings.ReplaceAll(uuid.NewString()[:8], "-", "")}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := c.engines(ctx); err != nil {
		return nil, err
	}
	if err := c.lines.toEngines(ctx, o.World); err != nil {
		return nil, err
	}
	if err := c.declare(ctx); err != nil {
		return nil, err
	}
	return c, c.heal(ctx)
}

// System is what the checker talks through.
func (c *Cluster) System() check.System {
	s := check.System{
		Gateway: "ws://" + c.lines.clients.Addr(),
		Tenant:  tenant,
		Token: func(user string) (string, error) {
			w := c.o.World.Issuer
			return issuer.Mint(c.key, issuer.Claims{Issuer: w.ID, Audience: w.Audience, User: user, TTL: tokenTTL})
		},
		Store:       dynamo.New(c.tables(), c.direct.DynamoDB.TablePrefix),
		Kafka:       c.direct.Kafka,
		Postgres:    c.direct.Postgres,
		Sink:        c.o.World.Sink.URL,
		Application: c.direct.Push.ApplicationID,
		PushDelay:   pushDelay,
		Judge:       c.judge.ask,
		Faults:      c.faults(),
		Last:        c.lastWords,
		Heal:        c.heal,
	}
	if !c.o.Bare {
		s.Processors, s.Books = processors, true
	}
	return s
}

// heal ends all faults and waits until every engine that was killed and every role is ready.
func (c *Cluster) heal(ctx context.Context) error {
	c.lines.heal()
	if _, err := c.awaitKafka(ctx, 0); err != nil {
		return err
	}
	for _, p := range c.processes {
		p.signal(syscall.SIGCONT, false)
		if err := p.start(); err != nil {
			return err
		}
	}
	for _, p := range c.processes {
		if err := p.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// died notes that a role ended by itself, and starts it again as Kubernetes would.
func (c *Cluster) died(p *process, err error) {
	c.mu.Lock()
	c.deaths = append(c.deaths, check.Violation{Promise: "availability", What: fmt.Sprintf("%s ended by itself: %v; its log is %s", p.name, err, p.logPath)})
	c.mu.Unlock()
	_ = p.start() // heal says when it cannot
}

// Deaths are the roles that ended without having been told to.
func (c *Cluster) Deaths() []check.Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deaths
}

// Close ends everything and removes the database and the tables.
func (c *Cluster) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if c.judge != nil {
		c.judge.close()
	}
	var errs []error
	var wg sync.WaitGroup
	results := make(chan error, len(c.processes))
	for _, p := range c.processes {
		wg.Go(func() {
			p.signal(syscall.SIGCONT, false)
			results <- p.stop(ctx, syscall.SIGTERM)
		})
	}
	wg.Wait()
	close(results)
	for err := range results {
		errs = append(errs, err)
	}
	errs = append(errs, c.lines.close())
	if c.direct.Cluster != "" {
		errs = append(errs, c.dropEngines(ctx))
	}
	return errors.Join(errs...)
}
