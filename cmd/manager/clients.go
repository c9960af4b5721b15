package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awspinpoint "github.com/aws/aws-sdk-go-v2/service/pinpoint"

	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
	"github.com/chatcluster/chatcluster/controllers/metrics"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// clients are the connections to everything outside Kubernetes.
type clients struct {
	dynamoDB awsclient.Clients[dynamodb.API]
	items    awsclient.Clients[dynamo.API]
	pinpoint awsclient.Clients[pinpoint.API]
	kafka    *kafka.Clients
	redis    *redis.Clients
	calls    *metrics.Calls
}

// newClients connects to nothing yet. calls takes note of what is called.
func newClients(ctx context.Context, calls *metrics.Calls) (*clients, error) {
	factory, err := awsclient.NewFactory(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return &clients{
		dynamoDB: awsclient.New(factory, func(cfg aws.Config, endpoint *string) dynamodb.API { return newDynamoDB(cfg, endpoint, calls) }),
		items:    awsclient.New(factory, func(cfg aws.Config, endpoint *string) dynamo.API { return newDynamoDB(cfg, endpoint, calls) }),
		pinpoint: awsclient.New(factory, func(cfg aws.Config, endpoint *string) pinpoint.API {
			return pinpoint.Client{Client: awspinpoint.NewFromConfig(cfg, func(o *awspinpoint.Options) {
				o.BaseEndpoint = endpoint
				o.APIOptions = append(o.APIOptions, calls.AWS)
			})}
		}),
		kafka: kafka.NewClients(factory.Identity),
		redis: redis.NewClients(factory.Identity),
		calls: calls,
	}, nil
}

func newDynamoDB(cfg aws.Config, endpoint *string, calls *metrics.Calls) *awsdynamodb.Client {
	return awsdynamodb.NewFromConfig(cfg, func(o *awsdynamodb.Options) {
		o.BaseEndpoint = endpoint
		o.APIOptions = append(o.APIOptions, calls.AWS)
		// DynamoDB Local sends a wrong checksum with every error.
		o.DisableValidateResponseChecksum = endpoint != nil
	})
}

func (c *clients) external() chatcluster.External {
	return chatcluster.External{
		DynamoDB: c.dynamoDB.Get, Pinpoint: c.pinpoint.Get, Kafka: c.calls.Kafka(c.kafka.Get), Redis: c.calls.Redis(c.redis.Get), Tenants: c.tenants,
	}
}

// tenants are the records in the tenants table.
func (c *clients) tenants(a awsclient.Access, prefix string) (store.Tenants, error) {
	api, err := c.items.Get(a)
	if err != nil {
		return nil, err
	}
	return dynamo.New(api, prefix), nil
}

// close ends the connections. The manager has stopped: nobody uses them.
func (c *clients) close() {
	c.dynamoDB.Close()
	c.items.Close()
	c.pinpoint.Close()
	c.kafka.Close()
	c.redis.Close()
}
