package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	pinpointsdk "github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/push/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
)

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
			Tenant: tenant, Issuer: w.Issuer.ID, Audience: w.Issuer.Audience, JWKSURL: w.Issuer.URL + issuer.JWKSPath,
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

// dropEngines removes the database and the tables. Topics go with the world.
func (c *Cluster) dropEngines(ctx context.Context) error {
	return errors.Join(c.database(ctx, "DROP DATABASE IF EXISTS "), dynamotest.DeleteTables(ctx, c.tables(), c.direct.DynamoDB.TablePrefix))
}

func (c *Cluster) tables() *dynamodb.Client {
	return dynamo.NewClient(c.aws, c.o.World.DynamoDB.Endpoint)
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
