package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxPage bounds how many items are asked for at once; DynamoDB ends a page at 1 MB anyway.
const maxPage = 1000

// Append implements store.Log.
func (s *Store) Append(ctx context.Context, c store.Conv, b *logpb.Batch, o store.AppendOptions) error {
	if err := store.CheckBatch(b); err != nil {
		return err
	}
	it, err := batchItem(c, b, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	_, err = s.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: s.table(LogTable), Item: it, ConditionExpression: aws.String(notTaken),
	}, once)
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		return store.ErrTaken
	}
	return wrap("PutItem", err)
}

// notTaken is the condition of whatever must be the first under its key.
const notTaken = "attribute_not_exists(" + attrPK + ")"

// Read implements store.Log. Readers mostly ask from where a batch starts: that takes one query, and only those who ask
// from the middle of one, or at the end of the log, take a second for the batch before.
func (s *Store) Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	from = max(from, 1)
	var found []store.Stored
	add := func(it item) (bool, error) {
		st, err := parseBatch(it)
		if err != nil {
			return false, err
		}
		found = append(found, st)
		return len(found) < limit, nil
	}
	if err := s.query(ctx, s.logQuery(c, from, store.BucketEnd(from), limit), add); err != nil {
		return nil, err
	}
	if start := store.ReadFrom(from); start < from && (len(found) == 0 || store.First(found[0].Batch) != from) {
		before := s.logQuery(c, start, from-1, 1)
		before.ScanIndexForward = aws.Bool(false)
		err := s.query(ctx, before, func(it item) (bool, error) {
			st, err := parseBatch(it)
			if err == nil && store.Last(st.Batch) >= from {
				found = slices.Insert(found, 0, st)
			}
			return false, err
		})
		if err != nil {
			return nil, err
		}
	}
	return found[:min(len(found), limit)], nil
}

// logQuery asks for the batches of one bucket that start from low to high.
func (s *Store) logQuery(c store.Conv, low, high uint64, limit int) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: s.table(LogTable), ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(min(limit, maxPage))),
		KeyConditionExpression:    aws.String(attrPK + " = :pk AND " + attrSK + " BETWEEN :low AND :high"),
		ExpressionAttributeValues: item{":pk": str(logPK(c, low)), ":low": num(low), ":high": num(high)},
	}
}

// MarkOutbox implements store.Log.
func (s *Store) MarkOutbox(ctx context.Context, c store.Conv, first uint64) error {
	return s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(LogTable), Key: logKey(c, max(first, 1)),
		UpdateExpression:          aws.String("SET " + attrOutbox + " = :shard"),
		ExpressionAttributeValues: item{":shard": num(uint64(store.OutboxShard(c)))},
	}, "")
}

// ClearOutbox implements store.Log.
func (s *Store) ClearOutbox(ctx context.Context, c store.Conv, first uint64) error {
	err := s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(LogTable), Key: logKey(c, max(first, 1)),
		UpdateExpression: aws.String("REMOVE " + attrOutbox),
	}, "")
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Outbox implements store.Log.
func (s *Store) Outbox(ctx context.Context, shard, limit int) ([]store.Owed, error) {
	if shard < 0 || shard >= store.OutboxShards {
		return nil, fmt.Errorf("%w: outbox shard %d", store.ErrInvalid, shard)
	}
	if limit <= 0 {
		return nil, ctx.Err()
	}
	var owed []store.Owed
	err := s.query(ctx, &dynamodb.QueryInput{
		TableName: s.table(LogTable), IndexName: aws.String(OutboxIndex), Limit: aws.Int32(int32(min(limit, maxPage))),
		KeyConditionExpression:    aws.String(attrOutbox + " = :shard"),
		ExpressionAttributeValues: item{":shard": num(uint64(shard))},
	}, func(it item) (bool, error) {
		c, err := parseLogPK(text(it, attrPK))
		if err != nil {
			return false, err
		}
		st, err := parseBatch(it)
		if err != nil {
			return false, err
		}
		owed = append(owed, store.Owed{Conv: c, First: store.First(st.Batch), Batch: st.Batch})
		return len(owed) < limit, nil
	})
	if err != nil {
		return nil, err
	}
	// The index orders by conversation and bucket, as text; within a bucket it promises nothing.
	slices.SortFunc(owed, func(a, b store.Owed) int {
		return cmp.Or(cmp.Compare(a.Conv.Tenant(), b.Conv.Tenant()), cmp.Compare(a.Conv.ID(), b.Conv.ID()), cmp.Compare(a.First, b.First))
	})
	return owed, nil
}
