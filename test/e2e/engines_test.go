//go:build e2e

package e2e

import (
	"context"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// postgres opens a connection to a database of the engine, until the test ends.
func (w *world) postgres(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	dsn := url.URL{
		Scheme: "postgres", Host: w.Postgres.Address, Path: database,
		User: url.UserPassword(w.Postgres.User, secret(t, w.Postgres.PasswordFile)), RawQuery: "sslmode=disable",
	}
	conn, err := pgx.Connect(t.Context(), dsn.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// execute runs statements, one after the other.
func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// query returns the rows of one column.
func query[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// redis opens a client of the cache, until the test ends.
func (w *world) redis(t *testing.T) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: w.Redis.Address, Password: secret(t, w.Redis.PasswordFile)})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func secret(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// dynamoDB returns a client of the engine.
func (w *world) dynamoDB(t *testing.T) *dynamodb.Client {
	t.Helper()
	cfg, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion(w.DynamoDB.Region), awsconfig.WithSharedCredentialsFiles([]string{w.DynamoDB.CredentialsFile}))
	if err != nil {
		t.Fatal(err)
	}
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(w.DynamoDB.Endpoint) })
}

// tables returns the tables in DynamoDB whose names start with prefix.
func (w *world) tables(t *testing.T, prefix string) []string {
	t.Helper()
	out, err := w.dynamoDB(t).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(out.TableNames, func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

// topics returns the topics in Kafka whose names start with prefix.
func (w *world) topics(t *testing.T, prefix string) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Kafka.Address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(topics.Names(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}
