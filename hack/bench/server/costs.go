package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// Costs are what the engines have counted so far.
type Costs struct {
	// Units are DynamoDB's, by "read TABLE" and "write TABLE".
	Units map[string]float64
	// Records are Kafka's, by topic.
	Records map[string]float64
	// Commands are Redis's, all but those that look.
	Commands map[string]float64
	// Rows are those that were inserted, updated or deleted, by table.
	Rows map[string]float64
}

// costs asks the engines.
type costs struct {
	env      Environment
	name     string
	kafka    config.Kafka
	database config.Postgres
	capacity *capacity
}

func (c *costs) serve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	out := Costs{Units: c.capacity.now()}
	var err error
	for _, ask := range []func(context.Context, *Costs) error{c.records, c.commands, c.rows} {
		if err == nil {
			err = ask(ctx, &out)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (c *costs) records(ctx context.Context, out *Costs) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.kafka.Brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx)
	if err != nil {
		return err
	}
	out.Records = map[string]float64{}
	ends.Each(func(o kadm.ListedOffset) {
		if topic, ok := strings.CutPrefix(o.Topic, c.kafka.TopicPrefix); ok {
			out.Records[topic] += float64(o.Offset)
		}
	})
	return nil
}

func (c *costs) commands(ctx context.Context, out *Costs) error {
	client := redis.NewClient(&redis.Options{Addr: c.env.Redis, Password: c.env.RedisPassword})
	defer func() { _ = client.Close() }()
	stats, err := client.Info(ctx, "commandstats").Result()
	if err != nil {
		return err
	}
	out.Commands = map[string]float64{}
	for line := range strings.Lines(stats) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "cmdstat_"), ":calls=")
		var calls float64
		if _, err := fmt.Sscan(strings.SplitN(rest, ",", 2)[0], &calls); !ok || err != nil {
			continue
		}
		switch name {
		case "info", "hello", "auth", "client|setinfo", "client|maint_notifications", "ping":
		default:
			out.Commands[name] = calls
		}
	}
	return nil
}

func (c *costs) rows(ctx context.Context, out *Costs) error {
	conn, err := pgx.Connect(ctx, strings.Replace(c.env.Postgres, "/"+adminDatabase(c.env.Postgres)+"?", "/"+c.name+"?", 1))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // it was only read from
	rows, err := conn.Query(ctx, "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables")
	if err != nil {
		return err
	}
	out.Rows = map[string]float64{}
	var table string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&table, &n}, func() error {
		out.Rows[table] += float64(n)
		return nil
	})
	return err
}

func adminDatabase(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "://")
	_, rest, _ = strings.Cut(rest, "/")
	name, _, _ := strings.Cut(rest, "?")
	return name
}
