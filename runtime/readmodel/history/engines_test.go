//go:build engines

package history_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
)

// noted counts what is read of the read model.
type noted struct {
	*readmodel.Model
	asked int
}

func (n *noted) Entries(ctx context.Context, c store.Conv, from, to uint64) ([]*logpb.Entry, error) {
	n.asked++
	return n.Model.Entries(ctx, c, from, to)
}

// Messages leave DynamoDB while their history is read: what has expired and is still there, and what is gone, comes from the database, with
// what happened to it; what is hot does not need the database.
func TestHotRetentionExpires(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client, prefix := dynamotest.Open(t)
	s := dynamo.New(client, prefix)
	db := readmodeltest.Database(t)
	if _, err := readmodel.Migrate(ctx, db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	model, err := readmodel.Open(db, readmodel.Options{Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()

	const days = 40
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.StartMS, l.StepMS = time.Now().Add(-(2*days+2)*12*time.Hour).UnixMilli(), (12 * time.Hour).Milliseconds()
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	for i := range days - 1 {
		l.Batch(readmodeltest.Say("ann", fmt.Sprint("day ", i)), readmodeltest.Say("bob", fmt.Sprint("night ", i)))
	}
	// What is said of old messages now.
	l.Batch(readmodeltest.Edit("ann", 2, "edited"), readmodeltest.Delete("bob", 3), readmodeltest.React("bob", 4, "+"))
	members := []store.Member{{User: l.User("ann"), Role: store.RoleOwner, Joined: 1}, {User: l.User("bob"), Role: store.RoleMember, Joined: 1}}
	const hot = 10 * 24 * time.Hour
	for i, b := range l.Batches {
		o := store.AppendOptions{ExpiresAt: time.UnixMilli(b.GetEntries()[0].GetAtMs()).Add(hot)}
		if i == 0 {
			err = s.Create(ctx, store.Conversation{Conv: l.Conv, Kind: l.Kind, CreatedAt: time.Now()}, members, b, o)
		} else {
			err = s.Append(ctx, l.Conv, b, o)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w := readmodel.NewWriter(model, s)
	last := l.Batches[len(l.Batches)-1]
	if got, err := w.Apply(ctx, []readmodel.Record{{Conv: l.Conv, Kind: l.Kind, Batch: last}}); err != nil || uint64(got.Entries) != l.Head() {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := s.RaiseTail(ctx, l.Conv, l.Head(), 1); err != nil {
		t.Fatal(err)
	}
	cold := &noted{Model: model}
	r := history.NewReader(s, cold)
	all := func(when string) []protocol.Entry {
		t.Helper()
		var entries []protocol.Entry
		after := ptr(0)
		for {
			p, err := r.History(ctx, l.User("bob"), l.Conv, after, nil, 17)
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			entries = append(entries, p.Entries...)
			if !p.More {
				return entries
			}
			after = ptr(p.Entries[len(p.Entries)-1].Seq)
		}
	}
	there := all("expired and still there")
	if cold.asked == 0 {
		t.Error("what has expired was taken from DynamoDB: it may go at any moment")
	}
	if n := remove(ctx, t, client, prefix); n < 20 {
		t.Fatalf("%d batches had expired: the test wants more", n)
	}
	gone := all("gone")
	if diff := cmp.Diff(there, gone); diff != "" {
		t.Errorf("(-still there +gone):\n%s", diff)
	}
	if uint64(len(gone)) != l.Head() {
		t.Fatalf("%d entries, want %d", len(gone), l.Head())
	}
	for i, e := range gone {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("entry %d has seq %d", i, e.Seq)
		}
	}
	if gone[1].Body != "edited" || !gone[2].Deleted || gone[2].Body != "" || len(gone[3].Reactions) != 1 {
		t.Errorf("what happened to the old messages is not shown: %+v", gone[1:4])
	}
	cold.asked = 0
	p, err := r.History(ctx, l.User("bob"), l.Conv, nil, nil, 10)
	if err != nil || len(p.Entries) != 10 || cold.asked != 0 {
		t.Errorf("the newest page: %d entries, %v, the database was asked %d times", len(p.Entries), err, cold.asked)
	}
}

// remove deletes what has expired, as the engine's TTL does some day.
func remove(ctx context.Context, t *testing.T, client *dynamodb.Client, prefix string) int {
	t.Helper()
	table := aws.String(dynamo.FullName(prefix, dynamo.LogTable))
	out, err := client.Scan(ctx, &dynamodb.ScanInput{
		TableName: table, FilterExpression: aws.String("expires_at < :now"), ProjectionExpression: aws.String("pk, sk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": &types.AttributeValueMemberN{Value: fmt.Sprint(time.Now().Unix())}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range out.Items {
		if _, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	return len(out.Items)
}
