package dynamo

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// stored is a batch of two messages as an item.
func stored(t *testing.T, c store.Conv, body string) item {
	t.Helper()
	b := testBatch(1, 2)
	for _, e := range b.GetEntries() {
		e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: body}}
	}
	it, err := batchItem(c, b, store.AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func TestFoldIsOptimistic(t *testing.T) {
	c := testConv(t, "acme", "c")
	errBoom := errors.New("boom")
	failed := func(it item) error { return &types.ConditionalCheckFailedException{Item: it} }
	for _, tc := range []struct {
		name    string
		answers []error
		writes  int
		err     error
		reason  string
	}{
		{"written", []error{nil}, 1, nil, "two entries of one batch are one write"},
		{"changed meanwhile", []error{failed(stored(t, c, "other")), nil}, 2, nil, "the fold is made again from what is there now"},
		{"gone meanwhile", []error{failed(nil)}, 1, nil, "an expired batch is not brought back"},
		{"unknown", []error{errBoom}, 1, errBoom, "the caller repeats it"},
	} {
		var conditions []types.AttributeValue
		api := fakeAPI{
			query: func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				return &dynamodb.QueryOutput{Items: []item{stored(t, c, "hello")}}, nil
			},
			updateItem: func(in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
				conditions = append(conditions, in.ExpressionAttributeValues[":old"])
				if want := "attribute_exists(pk) AND b = :old"; *in.ConditionExpression != want {
					t.Errorf("%s: condition %q, want %q", tc.name, *in.ConditionExpression, want)
				}
				return &dynamodb.UpdateItemOutput{}, tc.answers[len(conditions)-1]
			},
		}
		edits := []*logpb.Entry{
			{Seq: 7, Sender: "ann", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 2, Body: "new"}}},
			{Seq: 8, Sender: "ann", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 1, Body: "new"}}},
		}
		if err := New(api, "p-").Fold(t.Context(), c, edits); !errors.Is(err, tc.err) || len(conditions) != tc.writes {
			t.Errorf("%s: %d writes, %v; want %d, %v: %s", tc.name, len(conditions), err, tc.writes, tc.err, tc.reason)
		}
		if len(conditions) == 2 && fmt.Sprint(conditions[0]) == fmt.Sprint(conditions[1]) {
			t.Errorf("%s: the second try has the first one's condition", tc.name)
		}
	}
}

func TestFoldWritesNothingThatIsThere(t *testing.T) {
	c := testConv(t, "acme", "c")
	api := fakeAPI{query: func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
		return &dynamodb.QueryOutput{Items: []item{stored(t, c, "hello")}}, nil
	}}
	// By another than the author: nothing changes, and a write would panic.
	edit := &logpb.Entry{Seq: 7, Sender: "bob", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 2, Body: "new"}}}
	if err := New(api, "p-").Fold(t.Context(), c, []*logpb.Entry{edit}); err != nil {
		t.Fatal(err)
	}
}

func TestFoldGivesUp(t *testing.T) {
	c := testConv(t, "acme", "c")
	writes := 0
	api := fakeAPI{
		query: func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
			return &dynamodb.QueryOutput{Items: []item{stored(t, c, "hello")}}, nil
		},
		updateItem: func(*dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
			writes++
			return nil, &types.ConditionalCheckFailedException{Item: stored(t, c, fmt.Sprint("other ", writes))}
		},
	}
	edit := &logpb.Entry{Seq: 7, Sender: "ann", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 2, Body: "new"}}}
	if err := New(api, "p-").Fold(t.Context(), c, []*logpb.Entry{edit}); err == nil || writes != conflictTries {
		t.Errorf("%d writes, %v; want %d and an error", writes, err, conflictTries)
	}
}
