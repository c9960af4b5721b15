package dynamo

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// fakeAPI answers with its fields; a call that a test did not expect panics.
type fakeAPI struct {
	API // nil: for the calls that no test here fakes

	putItem      func(*dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error)
	getItem      func(*dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error)
	deleteItem   func(*dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error)
	updateItem   func(*dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error)
	query        func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error)
	batchGetItem func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error)
	transact     func(*dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error)
}

func (f fakeAPI) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return f.putItem(in)
}

func (f fakeAPI) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return f.getItem(in)
}

func (f fakeAPI) DeleteItem(_ context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return f.deleteItem(in)
}

func (f fakeAPI) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return f.updateItem(in)
}

func (f fakeAPI) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return f.query(in)
}

func (f fakeAPI) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return f.batchGetItem(in)
}

func (f fakeAPI) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return f.transact(in)
}

func testConv(tb testing.TB, tenant, id string) store.Conv {
	tb.Helper()
	c, err := store.NewConv(store.Tenant(tenant), id)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func testUser(tb testing.TB, tenant, id string) store.User {
	tb.Helper()
	u, err := store.NewUser(store.Tenant(tenant), id)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func testBatch(seqs ...uint64) *logpb.Batch {
	b := &logpb.Batch{Id: []byte("0123456789abcdef")}
	for _, s := range seqs {
		b.Entries = append(b.Entries, &logpb.Entry{Seq: s, Sender: "ann"})
	}
	return b
}
