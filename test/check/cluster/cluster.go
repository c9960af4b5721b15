package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	pinpointsdk "github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/push/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
	"github.com/chatcluster/chatcluster/test/check"
	"github.com/chatcluster/chatcluster/test/check/fault"
)

const (
	tenant     = "check"
	partitions = 4
	tokenTTL   = 24 * time.Hour
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
	processes []*process
	clients   *fault.TCP // clients → gateways
	redis     *fault.TCP
	postgres  *fault.TCP
	kafka     *fault.Kafka
	dynamo    *fault.Dynamo
	pool      *chatpool.Pool
	endPool   func()

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
	if err := c.proxies(ctx); err != nil {
		return nil, err
	}
	if err := c.declare(ctx); err != nil {
		return nil, err
	}
	return c, c.heal(ctx)
}

// startPool holds streams to the chat pods, as a gateway without clients does.
func (c *Cluster) startPool(service string, addresses []string) error {
	var err error
	c.pool, err = chatpool.New(chatpool.Options{
		Service: service, Gateway: "checker", Handler: deaf{}, Logger: slog.New(slog.DiscardHandler),
		Resolve: func(context.Context, string) ([]string, error) { return addresses, nil },
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.pool.Run(ctx) // it ends with ctx
	}()
	c.endPool = func() { cancel(); <-ended }
	return nil
}

// change has a chat pod append what s asks for.
func (c *Cluster) change(ctx context.Context, s *chatpb.Send) *chatpb.Result {
	done := make(chan *chatpb.Result, 1)
	s.Tenant = tenant
	c.pool.Send(s, func(r *chatpb.Result) { done <- r })
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
		return nil
	}
}

// deaf has no clients to tell.
type deaf struct{}

func (deaf) Deliver(*chatpb.Deliver)       {}
func (deaf) Head(*chatpb.Head)             {}
func (deaf) PodLost(func(store.Conv) bool) {}
func (deaf) Signal(*chatpb.Signal)         {}
func (deaf) Takeover(*chatpb.Takeover)     {}

// engines makes what the operator makes: tables, topics, schema, push application.
func (c *Cluster) engines(ctx context.Context) error {
	w := c.o.World
	c.aws = aws.Config{Region: w.DynamoDB.Region, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	var err error
	if c.key, err = issuer.LoadKey(w.Issuer.KeyFile); err != nil {
		return err
	}
	host, port, err := hostPort(w.Postgres.Address)
	if err != nil {
		return err
	}
	c.direct = config.Config{
		Cluster: "check/" + c.name,
		AWS:     config.AWS{Region: c.aws.Region, Endpoints: config.Endpoints{DynamoDB: w.DynamoDB.Endpoint, Pinpoint: w.Sink.URL}},
		Auth: config.Auth{Issuers: []config.Issuer{{
			Tenant: tenant, Issuer: w.Issuer.Inside, Audience: w.Issuer.Audience, JWKSURL: w.Issuer.URL + issuer.JWKSPath,
		}}},
		DynamoDB: config.DynamoDB{TablePrefix: c.name + "-", HotRetention: config.Duration{Duration: 24 * time.Hour}},
		Kafka:    config.Kafka{Brokers: []string{w.Kafka.Address}, TopicPrefix: c.name + "."},
		Postgres: config.Postgres{
			Host: host, Port: port, Database: c.name, User: w.Postgres.User, PasswordFile: w.Postgres.PasswordFile, SSLMode: "disable",
		},
		Redis:   config.Redis{Addresses: []string{w.Redis.Address}, PasswordFile: w.Redis.PasswordFile, KeyPrefix: c.name + ":"},
		Push:    config.Push{Delay: config.Duration{Duration: pushDelay}},
		Gateway: config.Gateway{DrainPeriod: config.Duration{Duration: 2 * time.Second}, MaxConnections: 10_000},
	}
	if err := dynamotest.EnsureTables(ctx, c.tables(), c.direct.DynamoDB.TablePrefix); err != nil {
		return err
	}
	if err := c.topics(ctx); err != nil {
		return err
	}
	if err := c.database(ctx, "CREATE DATABASE "); err != nil {
		return err
	}
	if _, err := readmodel.Migrate(ctx, c.direct.Postgres, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	app, err := pinpoint.NewClient(c.aws, w.Sink.URL).CreateApp(ctx, &pinpointsdk.CreateAppInput{
		CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String(c.name)},
	})
	if err != nil {
		return fmt.Errorf("create the push application: %w", err)
	}
	c.direct.Push.ApplicationID = aws.ToString(app.ApplicationResponse.Id)
	return nil
}

func (c *Cluster) tables() *dynamodb.Client {
	return dynamo.NewClient(c.aws, c.o.World.DynamoDB.Endpoint)
}

func (c *Cluster) topics(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.direct.Kafka.Brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, t := range eventlog.Topics() {
		n := t.Partitions
		if n == 0 {
			n = partitions
		}
		if _, err := admin.CreateTopic(ctx, n, 1, nil, eventlog.FullName(c.direct.Kafka.TopicPrefix, t.Name)); err != nil {
			return fmt.Errorf("create topic %s: %w", t.Name, err)
		}
	}
	return nil
}

// database runs a statement about the cluster's database.
func (c *Cluster) database(ctx context.Context, statement string) error {
	password, err := config.ReadSecret(c.direct.Postgres.PasswordFile)
	if err != nil {
		return err
	}
	cc, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return err
	}
	p := c.direct.Postgres
	cc.Host, cc.Port, cc.Database, cc.User, cc.Password = p.Host, uint16(p.Port), c.o.World.Postgres.Database, p.User, password
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement+pgx.Identifier{c.name}.Sanitize())
	return errors.Join(err, conn.Close(ctx))
}

// proxies starts what stands between the roles and the engines.
func (c *Cluster) proxies(ctx context.Context) (err error) {
	w := c.o.World
	if c.dynamo, err = fault.NewDynamo(ctx, w.DynamoDB.Endpoint); err != nil {
		return err
	}
	if c.kafka, err = fault.NewKafka(ctx, w.Kafka.Address); err != nil {
		return err
	}
	if c.redis, err = fault.NewTCP(ctx, w.Redis.Address); err != nil {
		return err
	}
	c.postgres, err = fault.NewTCP(ctx, w.Postgres.Address)
	return err
}

// declare writes the roles' configuration and names their processes.
func (c *Cluster) declare(ctx context.Context) error {
	cfg := c.direct
	host, port, err := hostPort(c.postgres.Addr())
	if err != nil {
		return err
	}
	cfg.AWS.Endpoints.DynamoDB = c.dynamo.URL()
	cfg.Kafka.Brokers = []string{c.kafka.Addr()}
	cfg.Redis.Addresses = []string{c.redis.Addr()}
	cfg.Postgres.Host, cfg.Postgres.Port = host, port
	var taken ports
	defer taken.release()
	chatPort, err := taken.free(ctx, "127.0.0.1")
	if err != nil {
		return err
	}
	cfg.Chat.Service = "chat.check.invalid:" + chatPort
	for i := range c.o.Chats {
		cfg.Chat.Addresses = append(cfg.Chat.Addresses, fmt.Sprintf("127.0.1.%d", i+1))
	}
	data, err := yaml.Marshal(cfg)
	if err != nil {
		return err
	}
	path := filepath.Join(c.o.Dir, "config.yaml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	if err := c.startPool(cfg.Chat.Service, cfg.Chat.Addresses); err != nil {
		return err
	}
	add := func(role string, i int, listen string) error {
		ops, err := taken.free(ctx, "127.0.0.1")
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s-%d", role, i+1)
		p := &process{
			name: name, program: c.o.Chatd, ops: "127.0.0.1:" + ops, logPath: logFile(c.o.Dir, name), died: c.died,
			args: []string{role, "--config", path, "--pod", name, "--ops-listen", "127.0.0.1:" + ops, "--log-level", c.o.Level},
			env:  []string{"AWS_SHARED_CREDENTIALS_FILE=" + c.o.World.DynamoDB.CredentialsFile, "AWS_EC2_METADATA_DISABLED=true"},
		}
		if listen != "" {
			p.args = append(p.args, "--listen", listen)
		}
		c.processes = append(c.processes, p)
		return nil
	}
	for i := range c.o.Chats {
		if err := add("chat", i, net.JoinHostPort(cfg.Chat.Addresses[i], chatPort)); err != nil {
			return err
		}
	}
	var gateways []string
	for i := range c.o.Gateways {
		port, err := taken.free(ctx, "127.0.0.1")
		if err != nil {
			return err
		}
		gateways = append(gateways, "127.0.0.1:"+port)
		if err := add("gateway", i, gateways[i]); err != nil {
			return err
		}
	}
	if err := errors.Join(add("project", 0, ""), add("notify", 0, "")); err != nil {
		return err
	}
	c.clients, err = fault.NewTCP(ctx, gateways...)
	return err
}

// ports are ports that nobody else gets until they are released.
type ports struct{ held []net.Listener }

func (p *ports) free(ctx context.Context, host string) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	p.held = append(p.held, ln)
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}

func (p *ports) release() {
	for _, ln := range p.held {
		_ = ln.Close()
	}
}

// died notes that a role ended by itself, and starts it again as Kubernetes would.
func (c *Cluster) died(name string, err error) {
	c.mu.Lock()
	c.deaths = append(c.deaths, check.Violation{Promise: "availability", What: fmt.Sprintf("%s ended by itself: %v; its log is %s", name, err, logFile(c.o.Dir, name))})
	c.mu.Unlock()
	if p := c.process(name); p != nil {
		_ = p.start() // heal says when it cannot
	}
}

// Deaths are the roles that ended without having been told to.
func (c *Cluster) Deaths() []check.Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deaths
}

func (c *Cluster) process(name string) *process {
	for _, p := range c.processes {
		if p.name == name {
			return p
		}
	}
	return nil
}

// System is what the checker talks through.
func (c *Cluster) System() check.System {
	return check.System{
		Gateway: "ws://" + c.clients.Addr(),
		Tenant:  tenant,
		Token: func(user string) (string, error) {
			w := c.o.World.Issuer
			return issuer.Mint(c.key, issuer.Claims{Issuer: w.Inside, Audience: w.Audience, User: user, TTL: tokenTTL})
		},
		Store:     dynamo.New(c.tables(), c.direct.DynamoDB.TablePrefix),
		Kafka:     c.direct.Kafka,
		Postgres:  c.direct.Postgres,
		Sink:      c.o.World.Sink.URL,
		PushDelay: pushDelay,
		Change:    c.change,
		Faults:    c.faults(),
		Heal:      c.heal,
	}
}

// heal ends all faults and waits until every role is ready.
func (c *Cluster) heal(ctx context.Context) error {
	c.dynamo.Down(false)
	c.dynamo.Set(fault.Rates{})
	c.kafka.Set(fault.Rates{})
	for _, t := range []*fault.TCP{c.clients, c.redis, c.postgres, c.kafka.TCP} {
		t.Refuse(false)
		t.Stall(false)
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

// Close ends everything and removes the database and the tables.
func (c *Cluster) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	if c.endPool != nil {
		c.endPool()
	}
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
	for _, t := range []*fault.TCP{c.clients, c.redis, c.postgres} {
		if t != nil {
			errs = append(errs, t.Close())
		}
	}
	if c.kafka != nil {
		errs = append(errs, c.kafka.Close())
	}
	if c.dynamo != nil {
		errs = append(errs, c.dynamo.Close())
	}
	if c.direct.Cluster != "" {
		errs = append(errs, c.database(ctx, "DROP DATABASE IF EXISTS "), dynamotest.DeleteTables(ctx, c.tables(), c.direct.DynamoDB.TablePrefix))
	}
	return errors.Join(errs...)
}
