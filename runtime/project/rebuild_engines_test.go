//go:build engines

package project

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/inbox"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
)

// restored copies all tables to those of another prefix, as a restore to a point in time does.
func restored(t *testing.T, client *dynamodb.Client, from string) (to string) {
	t.Helper()
	_, to = dynamotest.Open(t)
	for _, table := range dynamo.Tables() {
		in := &dynamodb.ScanInput{TableName: aws.String(dynamo.FullName(from, table.Name)), ConsistentRead: aws.Bool(true)}
		for pages := dynamodb.NewScanPaginator(client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(dynamo.FullName(to, table.Name)), Item: it}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return to
}

// emptyModel is a read model that knows nothing, and an inbox over it.
func emptyModel(t *testing.T) (*readmodel.Model, *inbox.Reader) {
	t.Helper()
	db := readmodeltest.Database(t)
	if _, err := readmodel.Migrate(t.Context(), db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	model, err := readmodel.Open(db, readmodel.Options{Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Close)
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	reader, err := inbox.NewReader(inbox.Options{Model: model, Cache: cache.New(client, cache.Options{KeyPrefix: "t:"})})
	if err != nil {
		t.Fatal(err)
	}
	return model, reader
}

// Tables that were restored under another prefix and an empty read model are a platform: what the model lacks is made anew, inboxes, unread
// counts and histories are as they were, and the conversations go on where the restored logs end. Doing it again changes nothing.
func TestARestoredStoreIsProjectedAnew(t *testing.T) {
	client, prefix := dynamotest.Open(t)
	original := dynamo.New(client, prefix)
	model, reader := emptyModel(t)
	writer := readmodel.NewWriter(model, original)
	var logs []*readmodeltest.Log
	for _, id := range [][2]string{{"acme", "c"}, {"acme", "d#1"}, {"initech", "c"}} {
		l := readmodeltest.NewLog(t, id[0], id[1], store.Group)
		l.StartMS = time.Now().Add(-time.Hour).UnixMilli()
		l.Batch(readmodeltest.Add("alice", "alice", "bob"))
		for i := range 150 {
			l.Batch(readmodeltest.Say("alice", fmt.Sprint("hello ", i)), readmodeltest.Say("bob", fmt.Sprint("and ", i)))
		}
		l.Batch(readmodeltest.Edit("alice", 2, "edited"), readmodeltest.Delete("bob", 3), readmodeltest.React("bob", 4, "+"))
		keep(t, original, l)
		if err := original.RaiseRead(t.Context(), l.User("bob"), l.Conv, 100); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Apply(t.Context(), records(l, 0)); err != nil {
			t.Fatal(err)
		}
		if err := writer.ApplyMarks(t.Context(), []readmodel.Mark{{User: l.User("bob"), Conv: l.Conv, Read: 100}}); err != nil {
			t.Fatal(err)
		}
		logs = append(logs, l)
	}

	again := dynamo.New(client, restored(t, client, prefix))
	anew, newReader := emptyModel(t)
	newWriter := readmodel.NewWriter(anew, again)
	done, err := Rebuild(t.Context(), again, newWriter, func(Rebuilt) {})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Rebuilt{Conversations: 3, Entries: 3 * 304, Marks: 3}); done != want {
		t.Errorf("it did %+v, want %+v", done, want)
	}
	for _, l := range logs {
		for _, user := range []string{"alice", "bob"} {
			if diff := cmp.Diff(items(t, reader, l.User(user)), items(t, newReader, l.User(user))); diff != "" {
				t.Errorf("%s's inbox (-was +is):\n%s", l.User(user), diff)
			}
		}
		was, wasErr := model.Entries(t.Context(), l.Conv, 1, 304)
		is, isErr := anew.Entries(t.Context(), l.Conv, 1, 304)
		if wasErr != nil || isErr != nil || len(was) != 304 || fmt.Sprint(was) != fmt.Sprint(is) {
			t.Errorf("%s has a history of %d entries, %v; was %d, %v", l.Conv, len(is), isErr, len(was), wasErr)
		}
	}
	if done, err = Rebuild(t.Context(), again, newWriter, func(Rebuilt) {}); err != nil || done.Entries != 0 {
		t.Errorf("done once more it has %d new entries, %v", done.Entries, err)
	}

	l := logs[0]
	have := len(l.Batches)
	l.Batch(readmodeltest.Say("bob", "we are back"))
	next := l.Batches[have]
	if err := again.Append(t.Context(), l.Conv, next, store.AppendOptions{}); err != nil {
		t.Fatalf("the restored log does not go on at seq %d: %v", store.First(next), err)
	}
	if applied, err := newWriter.Apply(t.Context(), records(l, have)); err != nil || applied.Entries != 1 || applied.Waiting != 0 {
		t.Errorf("what is said after the restore: %+v, %v", applied, err)
	}
	last := store.Last(next)
	if got, err := anew.Entries(t.Context(), l.Conv, last, last); err != nil || len(got) != 1 || got[0].GetSeq() != last {
		t.Errorf("the read model has %v at seq %d, %v", got, last, err)
	}
}

// keep puts a log into the store, as the chat service does.
func keep(t *testing.T, s *dynamo.Store, l *readmodeltest.Log) {
	t.Helper()
	members := []store.Member{{User: l.User("alice"), Role: store.RoleOwner, Joined: 1}, {User: l.User("bob"), Role: store.RoleMember, Joined: 1}}
	if err := s.Create(t.Context(), store.Conversation{Conv: l.Conv, Kind: l.Kind, CreatedAt: time.Now()}, members, l.Batches[0], store.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, b := range l.Batches[1:] {
		if err := s.Append(t.Context(), l.Conv, b, store.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func records(l *readmodeltest.Log, from int) []readmodel.Record {
	var list []readmodel.Record
	for _, b := range l.Batches[from:] {
		list = append(list, readmodel.Record{Conv: l.Conv, Kind: l.Kind, Batch: b})
	}
	return list
}

func items(t *testing.T, reader *inbox.Reader, u store.User) []protocol.InboxItem {
	t.Helper()
	page, err := reader.Inbox(context.WithoutCancel(t.Context()), u, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}
