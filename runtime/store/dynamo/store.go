package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Store is the store in DynamoDB.
type Store struct {
	api    API
	prefix string
}

var _ store.Store = (*Store)(nil)

// New returns the store whose tables' names start with prefix.
func New(api API, prefix string) *Store { return &Store{api: api, prefix: prefix} }

func (s *Store) table(name string) *string { return aws.String(FullName(s.prefix, name)) }

// notCreating is the condition of every update: it changes an item that is there.
const notCreating = "attribute_exists(" + attrPK + ")"

// update sends the update with notCreating and, where given, a condition on top. It returns nil also when only that
// condition failed, which marks use to rise only, and store.ErrNotFound when the item is not there.
func (s *Store) update(ctx context.Context, in *dynamodb.UpdateItemInput, condition string) error {
	in.ConditionExpression = aws.String(notCreating)
	if condition != "" {
		in.ConditionExpression = aws.String(notCreating + " AND (" + condition + ")")
	}
	in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.UpdateItem(ctx, in)
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		if len(failed.Item) == 0 {
			return store.ErrNotFound
		}
		return nil
	}
	return wrap("UpdateItem", err)
}

// get returns the item, strongly consistent, or store.ErrNotFound.
func (s *Store) get(ctx context.Context, table, pk, sk string) (item, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: s.table(table), Key: keyOf(pk, sk), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, wrap("GetItem", err)
	}
	if len(out.Item) == 0 {
		return nil, store.ErrNotFound
	}
	return out.Item, nil
}

// query gives each item to add, page by page, until there are no more or add returns false.
func (s *Store) query(ctx context.Context, in *dynamodb.QueryInput, add func(item) (more bool, err error)) error {
	for {
		page, err := s.page(ctx, in)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			if more, err := add(it); err != nil || !more {
				return err
			}
		}
		if len(page.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

func (s *Store) page(ctx context.Context, in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.api.Query(ctx, in)
	return out, wrap("Query", err)
}

// all returns a strongly consistent query for every item of the partition.
func (s *Store) all(table, pk string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: s.table(table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String(attrPK + " = :pk"),
		ExpressionAttributeValues: item{":pk": str(pk)},
	}
}

// wrap names the call: an error of a write that passes here says that the outcome is unknown.
func wrap(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("dynamodb %s: %w", call, err)
}
