package operator

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// settleEvery is how long a table takes for a change here. AWS takes some seconds.
const settleEvery = 500 * time.Millisecond

// cloud is everything outside Kubernetes, in memory.
type cloud struct {
	dynamo   dynamodbtest.Fake
	pinpoint pinpointtest.Fake
	kafka    topics
	tenants  tenants
}

func (c *cloud) external() chatcluster.External {
	return chatcluster.External{
		DynamoDB: func(awsclient.Access) (dynamodb.API, error) { return refusing{&c.dynamo}, nil },
		Pinpoint: func(awsclient.Access) (pinpoint.API, error) { return &c.pinpoint, nil },
		Kafka:    func(kafka.Access) (kafka.Admin, error) { return &c.kafka, nil },
		Redis:    func(redis.Access) (redis.Cache, error) { return answers{}, nil },
		Tenants:  func(_ awsclient.Access, prefix string) (store.Tenants, error) { return c.tenants.of(prefix), nil },
	}
}

func (c *cloud) writes() int {
	return len(c.dynamo.Writes()) + len(c.pinpoint.Writes()) + c.kafka.count(true) + c.tenants.count(true)
}

func (c *cloud) reads() int { return c.dynamo.Reads() + c.kafka.count(false) + c.tenants.count(false) }

// run ends the changes of tables until ctx ends.
func (c *cloud) run(ctx context.Context) error {
	t := time.NewTicker(settleEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			c.dynamo.Settle()
		}
	}
}

// Refused at the beginning of a table's name has its creation refused.
const Refused = "refused"

// refusing is an account that may not make some tables.
type refusing struct{ dynamodb.API }

func (r refusing) CreateTable(ctx context.Context, in *awsdynamodb.CreateTableInput, o ...func(*awsdynamodb.Options)) (*awsdynamodb.CreateTableOutput, error) {
	if strings.HasPrefix(aws.ToString(in.TableName), Refused) {
		return nil, &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform dynamodb:CreateTable"}
	}
	return r.API.CreateTable(ctx, in, o...)
}

type answers struct{}

func (answers) Observe(context.Context) (redis.Info, error) { return redis.Info{Version: "7.1.0"}, nil }

// topics is a Kafka's administration in memory.
type topics struct {
	mu            sync.Mutex
	topics        map[string]kafka.Topic
	reads, writes int
}

func (t *topics) count(writes bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if writes {
		return t.writes
	}
	return t.reads
}

func (t *topics) write(change func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes++
	if t.topics == nil {
		t.topics = map[string]kafka.Topic{}
	}
	change()
	return nil
}

func (t *topics) Topics(_ context.Context, names ...string) (map[string]kafka.Topic, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads++
	found := map[string]kafka.Topic{}
	for _, n := range names {
		if topic, ok := t.topics[n]; ok {
			found[n] = kafka.Topic{Partitions: topic.Partitions, Configs: maps.Clone(topic.Configs)}
		}
	}
	return found, nil
}

func (t *topics) Create(_ context.Context, name string, partitions int32, _ int16, configs map[string]string) error {
	return t.write(func() {
		t.topics[strings.Clone(name)] = kafka.Topic{Partitions: partitions, Configs: maps.Clone(configs)}
	})
}

func (t *topics) Grow(_ context.Context, name string, partitions int32) error {
	return t.write(func() { t.topics[name] = kafka.Topic{Partitions: partitions, Configs: t.topics[name].Configs} })
}

func (t *topics) Configure(_ context.Context, name string, configs map[string]string) error {
	return t.write(func() { maps.Copy(t.topics[name].Configs, configs) })
}

func (t *topics) Delete(_ context.Context, names ...string) error {
	return t.write(func() {
		for _, n := range names {
			delete(t.topics, n)
		}
	})
}

// The ChatClusters here name no principals.

func (t *topics) Allowed(context.Context, string) (map[string]int, error) { return nil, nil }

func (t *topics) Allow(context.Context, []string, string) error { return nil }

func (t *topics) Disallow(context.Context, []string, string) error { return nil }
