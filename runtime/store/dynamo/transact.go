package dynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	// conflictTries is how often a request is tried that others' transactions, or throttling in part, got in the way of.
	conflictTries = 5
	// conflictBackoff is half the longest first wait between two tries; it doubles.
	conflictBackoff = 20 * time.Millisecond
)

// transact writes all of the items or none. An item whose condition fails decides the error: onFailed has one for each
// position. The SDK makes a client token for each call and repeats the call under it.
func (s *Store) transact(ctx context.Context, items []types.TransactWriteItem, onFailed map[int]error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for try := 0; ; try++ {
		if err := backoff(ctx, try); err != nil {
			return wrap("TransactWriteItems", err)
		}
		_, err := s.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
		var canceled *types.TransactionCanceledException
		if !errors.As(err, &canceled) {
			return wrap("TransactWriteItems", err)
		}
		conflict := false
		for i, r := range canceled.CancellationReasons {
			switch aws.ToString(r.Code) {
			case "ConditionalCheckFailed":
				if failed, ok := onFailed[i]; ok {
					return failed
				}
			case "TransactionConflict":
				conflict = true
			}
		}
		// A canceled transaction wrote nothing: trying again is safe.
		if !conflict || try+1 == conflictTries {
			return wrap("TransactWriteItems", err)
		}
	}
}

// backoff waits before all tries but the first, with full jitter, or until the context ends.
func backoff(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(rand.N(conflictBackoff << try))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (s *Store) put(table string, it item, condition *string) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: s.table(table), Item: it, ConditionExpression: condition}}
}

// set is an update within a transaction: names are the attributes as they are, values those that the expression uses.
func (s *Store) set(table string, key item, expression string, names []string, values item) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: s.table(table), Key: key, UpdateExpression: aws.String(expression),
		ExpressionAttributeNames: placeholders(names...), ExpressionAttributeValues: values,
	}}
}

// setStored is set for an item that must be there.
func (s *Store) setStored(table string, key item, expression string, names []string, values item) types.TransactWriteItem {
	w := s.set(table, key, expression, names, values)
	w.Update.ConditionExpression = aws.String(notCreating)
	return w
}

// placeholders maps #name to name: many names are reserved words.
func placeholders(names ...string) map[string]string {
	m := make(map[string]string, len(names))
	for _, n := range names {
		m["#"+n] = n
	}
	return m
}
