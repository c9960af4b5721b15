package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/project"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/inbox"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
)

const hotRetention = 30 * 24 * time.Hour

// Environment is where a world's engines are, in the variables that engine tests use.
type Environment struct {
	DynamoDB, Kafka, Postgres, Redis, RedisPassword string
}

// Engines reads the environment. An error: there is no world.
func Engines() (Environment, error) {
	e := Environment{
		DynamoDB: os.Getenv(dynamotest.Endpoint), Kafka: os.Getenv("CHATCLUSTER_TEST_KAFKA"), Postgres: os.Getenv("CHATCLUSTER_TEST_POSTGRES"),
		Redis: os.Getenv("CHATCLUSTER_TEST_REDIS"), RedisPassword: os.Getenv("CHATCLUSTER_TEST_REDIS_PASSWORD"),
	}
	if e.DynamoDB == "" || e.Kafka == "" || e.Postgres == "" || e.Redis == "" {
		return e, errors.New("the engines' variables are not set: run it in a world")
	}
	return e, nil
}

// AWS is how the engines' DynamoDB is reached.
func (e Environment) AWS() aws.Config {
	return aws.Config{Region: awsRegion, Credentials: credentials.NewStaticCredentialsProvider(awsKey, awsKey, "")}
}

// Topics makes the topics of a prefix.
func (e Environment) Topics(ctx context.Context, prefix string) (config.Kafka, error) {
	cfg := config.Kafka{Brokers: strings.Split(e.Kafka, ","), TopicPrefix: prefix}
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		return cfg, err
	}
	defer client.Close()
	for _, t := range eventlog.Topics() {
		if _, err := kadm.NewClient(client).CreateTopic(ctx, max(t.Partitions, 3), 1, nil, eventlog.FullName(prefix, t.Name)); err != nil {
			return cfg, fmt.Errorf("create topic %s: %w", t.Name, err)
		}
	}
	return cfg, nil
}

// database makes a database of the server's own.
func (e Environment) database(ctx context.Context, dir, name string, log *slog.Logger) (config.Postgres, error) {
	cc, err := pgx.ParseConfig(e.Postgres)
	if err != nil {
		return config.Postgres{}, err
	}
	admin, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return config.Postgres{}, err
	}
	defer admin.Close(ctx) //nolint:errcheck // the statement's own error is what counts
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return config.Postgres{}, err
	}
	password := filepath.Join(dir, "postgres")
	if err := os.WriteFile(password, []byte(cc.Password), 0o600); err != nil {
		return config.Postgres{}, err
	}
	cfg := config.Postgres{Host: cc.Host, Port: int(cc.Port), Database: name, User: cc.User, PasswordFile: password, SSLMode: "disable"}
	_, err = readmodel.Migrate(ctx, cfg, log)
	return cfg, err
}

// realEngines composes what production has: the store, Kafka, Redis, and the projector behind them.
func realEngines(ctx context.Context, o Options, log *slog.Logger, registry prometheus.Registerer) (_ *engines, err error) {
	env, err := Engines()
	if err != nil {
		return nil, err
	}
	name := "bench" + strings.ToLower(rand.Text()[:8])
	counted := &capacity{units: map[string]float64{}}
	awsConfig := env.AWS()
	awsConfig.APIOptions = append(awsConfig.APIOptions, counted.install)
	client := dynamo.NewClient(awsConfig, env.DynamoDB)
	if err := dynamotest.EnsureTables(ctx, client, name+"-"); err != nil {
		return nil, err
	}
	st := dynamo.New(client, name+"-")
	if err := plant(ctx, st, o.Seed, 3); err != nil {
		return nil, err
	}
	kafkaConfig, err := env.Topics(ctx, name+".")
	if err != nil {
		return nil, err
	}
	pg, err := env.database(ctx, o.Dir, name, log)
	if err != nil {
		return nil, err
	}
	redisPassword := filepath.Join(o.Dir, "redis")
	if err := os.WriteFile(redisPassword, []byte(env.RedisPassword), 0o600); err != nil {
		return nil, err
	}
	redisConfig := config.Redis{Addresses: []string{env.Redis}, PasswordFile: redisPassword, KeyPrefix: name + ":"}
	redis, err := cache.Connect(redisConfig)
	if err != nil {
		return nil, err
	}
	model, err := readmodel.Open(pg, readmodel.Options{Application: "bench"})
	if err != nil {
		return nil, err
	}
	producer, err := eventlog.NewProducer(kafkaConfig, eventlog.ProducerOptions{ClientID: "bench"})
	if err != nil {
		return nil, err
	}
	reader, err := inbox.NewReader(inbox.Options{Model: model, Cache: redis, Log: log})
	if err != nil {
		return nil, err
	}
	projector, err := project.New(project.Options{
		Model: readmodel.NewWriter(model, st), Cache: redis, Tails: st, HotRetention: hotRetention, Log: log, Registerer: registry,
	})
	if err != nil {
		return nil, err
	}
	consuming := projector.Consumer()
	consuming.ClientID, consuming.Log = "bench", log
	consumer, err := eventlog.NewConsumer(kafkaConfig, consuming)
	if err != nil {
		return nil, err
	}
	costs := &costs{env: env, name: name, kafka: kafkaConfig, database: pg, capacity: counted}
	return &engines{
		store: st, publisher: producer, registry: redis, where: redis, routes: redis, marks: deviceMarks{redis}, markLog: producer,
		inbox: inboxes{reader, inbox.NewSettings(st, redis, producer)}, older: model,
		background: []func(context.Context) error{consumer.Run, projector.Run},
		admin: func(mux *http.ServeMux) {
			mux.HandleFunc("GET /costs", costs.serve)
			mux.HandleFunc("GET /config", serveConfig(env.roleConfig(name, kafkaConfig, pg, redisConfig)))
		},
		close: func() {
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = producer.Close(end) // nobody waits for the rest
			model.Close()
			redis.Close()
		},
	}, nil
}

// deviceMarks gives the gateway the cache's marks in its own words.
type deviceMarks struct{ *cache.Cache }

func (m deviceMarks) DeviceMarks(ctx context.Context, u store.User, device string, convs []store.Conv) ([]gateway.Mark, error) {
	found, err := m.Cache.DeviceMarks(ctx, u, device, convs)
	if err != nil {
		return nil, err
	}
	out := make([]gateway.Mark, len(found))
	for i, mark := range found {
		out[i] = gateway.Mark(mark)
	}
	return out, nil
}

// inboxes gives the gateway the inbox; nobody asks it with a cursor here.
type inboxes struct {
	*inbox.Reader
	*inbox.Settings
}

func (i inboxes) List(ctx context.Context, u store.User, q rest.InboxQuery) (protocol.InboxPage, error) {
	return i.Reader.List(ctx, u, inbox.Query(q))
}
