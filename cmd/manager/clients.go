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
)

// clients are the connections to everything outside Kubernetes.
type clients struct {
	dynamoDB awsclient.Clients[dynamodb.API]
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
		dynamoDB: awsclient.New(factory, func(cfg aws.Config, endpoint *string) dynamodb.API {
			return awsdynamodb.NewFromConfig(cfg, func(o *awsdynamodb.Options) {
				o.BaseEndpoint = endpoint
				o.APIOptions = append(o.APIOptions, calls.AWS)
				// DynamoDB Local sends a wrong checksum with every error.
				o.DisableValidateResponseChecksum = endpoint != nil
			})
		}),
		pinpoint: awsclient.New(factory, func(cfg aws.Config, endpoint *string) pinpoint.API {
			return awspinpoint.NewFromConfig(cfg, func(o *awspinpoint.Options) {
				o.BaseEndpoint = endpoint
				o.APIOptions = append(o.APIOptions, calls.AWS)
			})
		}),
		kafka: kafka.NewClients(),
		redis: redis.NewClients(),
		calls: calls,
	}, nil
}

func (c *clients) external() chatcluster.External {
	return chatcluster.External{
		DynamoDB: c.dynamoDB.Get, Pinpoint: c.pinpoint.Get, Kafka: c.calls.Kafka(c.kafka.Get), Redis: c.calls.Redis(c.redis.Get),
	}
}

// close ends the connections. The manager has stopped: nobody uses them.
func (c *clients) close() {
	c.dynamoDB.Close()
	c.pinpoint.Close()
	c.kafka.Close()
	c.redis.Close()
}
