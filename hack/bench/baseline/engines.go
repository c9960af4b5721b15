package baseline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/hack/bench/server"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
)

// payload is what a stored message of 128 bytes weighs.
const payload = 300

// Bare is what the engines take by themselves for a message: a conditional PutItem, then a produce with acks=all.
type Bare struct {
	db     *dynamodb.Client
	table  string
	kafka  *kgo.Client
	topic  string
	nextID int
}

// NewBare makes a table and a topic of its own.
func NewBare(ctx context.Context, name string) (*Bare, error) {
	env, err := server.Engines()
	if err != nil {
		return nil, err
	}
	b := &Bare{db: dynamo.NewClient(env.AWS(), env.DynamoDB), table: dynamo.FullName(name+"-", dynamo.LogTable)}
	if err := dynamotest.EnsureTables(ctx, b.db, name+"-"); err != nil {
		return nil, err
	}
	var cfg config.Kafka
	if cfg, err = env.Topics(ctx, name+"."); err != nil {
		return nil, err
	}
	b.topic = eventlog.FullName(cfg.TopicPrefix, eventlog.LogTopic)
	b.kafka, err = kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(0))
	return b, err
}

// Close ends it.
func (b *Bare) Close() { b.kafka.Close() }

// Run does rate messages a second for d, open loop, and returns how long each took, sorted.
func (b *Bare) Run(ctx context.Context, rate float64, d time.Duration) ([]time.Duration, error) {
	n := int(rate * d.Seconds())
	took := make([]time.Duration, n)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	start := time.Now()
	for i := range n {
		at := start.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		time.Sleep(time.Until(at))
		b.nextID++
		id := b.nextID
		wg.Go(func() {
			if err := b.one(ctx, id); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
			took[i] = time.Since(at)
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took, failed
}

func (b *Bare) one(ctx context.Context, id int) error {
	t := dynamo.Tables()[slices.IndexFunc(dynamo.Tables(), func(t dynamo.Table) bool { return t.Name == dynamo.LogTable })]
	_, err := b.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(b.table), ConditionExpression: aws.String("attribute_not_exists(#h)"), ExpressionAttributeNames: map[string]string{"#h": t.Hash.Name},
		Item: map[string]types.AttributeValue{
			t.Hash.Name: &types.AttributeValueMemberS{Value: fmt.Sprint("c", id%500)}, t.Range.Name: &types.AttributeValueMemberN{Value: fmt.Sprint(id)},
			"data": &types.AttributeValueMemberB{Value: make([]byte, payload)},
		},
	})
	if err != nil {
		return err
	}
	return b.kafka.ProduceSync(ctx, &kgo.Record{Topic: b.topic, Key: fmt.Append(nil, id%500), Value: make([]byte, payload)}).FirstErr()
}
