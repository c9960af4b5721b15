//go:build engines

package dynamo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
	"github.com/chatcluster/chatcluster/runtime/store/storetest"
)

func TestStore(t *testing.T) {
	client, prefix := dynamotest.Open(t)
	s := dynamo.New(client, prefix)
	storetest.Run(t, func(*testing.T) store.Store { return s })
}

// meter notes what requests cost by the engine's own account.
type meter struct {
	dynamo.API
	written, read float64
	queries       int
}

func (m *meter) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.API.PutItem(ctx, in, o...)
	if err == nil {
		m.written += aws.ToFloat64(out.ConsumedCapacity.CapacityUnits)
	}
	return out, err
}

func (m *meter) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.API.Query(ctx, in, o...)
	m.queries++
	if err == nil {
		m.read += aws.ToFloat64(out.ConsumedCapacity.CapacityUnits)
	}
	return out, err
}

// A small message costs one unit to write, and following a log costs one query for each page.
func TestCosts(t *testing.T) {
	client, prefix := dynamotest.Open(t)
	m := &meter{API: client}
	s := dynamo.New(m, prefix)
	const id = "0198f3a2-7c1d-7000-8000-0123456789ab"
	c, err := store.NewConv(id, id)
	if err != nil {
		t.Fatal(err)
	}
	const messages = 40
	for seq := uint64(1); seq <= messages; seq++ {
		b := &logpb.Batch{Id: make([]byte, 16), Entries: []*logpb.Entry{{
			Seq: seq, Sender: id, ClientMsgId: id, AtMs: 1_700_000_000_000, Count: seq, Device: id,
			Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: strings.Repeat("x", 128)}},
		}}}
		if err := s.Append(t.Context(), c, b, store.AppendOptions{ExpiresAt: time.Now().Add(24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if m.written != messages {
		t.Errorf("%d messages cost %v write units", messages, m.written)
	}
	got, err := s.Read(t.Context(), c, messages, 1)
	if err != nil || len(got) != 1 {
		t.Fatalf("Read = %v, %v", got, err)
	}
	if m.queries != 1 || m.read > 1 {
		t.Errorf("reading one batch cost %d queries and %v read units, want 1 and 1", m.queries, m.read)
	}
}
