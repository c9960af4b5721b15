package dynamo

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Fold implements store.Log.
func (s *Store) Fold(ctx context.Context, c store.Conv, entries []*logpb.Entry) error {
	return store.FoldBy(ctx, c, entries, s.changeBatch)
}

// RedactEdits implements store.Purges.
func (s *Store) RedactEdits(ctx context.Context, c store.Conv, seqs ...uint64) error {
	return store.RedactBy(ctx, c, seqs, s.changeBatch)
}

// changeBatch implements store.ChangeBatch. The write replaces the very bytes that it was made from, so it is safe to repeat, and
// it touches neither the expiry nor the outbox mark.
func (s *Store) changeBatch(ctx context.Context, c store.Conv, seq uint64, change func(*logpb.Batch) bool) error {
	it, err := s.holding(ctx, c, seq)
	for try := 0; err == nil && it != nil; try++ {
		if try == conflictTries {
			return fmt.Errorf("dynamodb: the batch of seq %d changes all the time", seq)
		}
		if err := backoff(ctx, try); err != nil {
			return wrap("UpdateItem", err)
		}
		it, err = s.changeItem(ctx, c, seq, it, change)
	}
	return err
}

// holding returns the item of the batch that holds seq, nil where there is none.
func (s *Store) holding(ctx context.Context, c store.Conv, seq uint64) (item, error) {
	q := s.logQuery(c, store.ReadFrom(seq), seq, 1)
	q.ScanIndexForward = aws.Bool(false)
	var found item
	err := s.query(ctx, q, func(it item) (bool, error) { found = it; return false, nil })
	return found, err
}

// changeItem changes the batch if it is still as the item says. It returns the item as it is now where it is not, and nil when nothing
// is left to do.
func (s *Store) changeItem(ctx context.Context, c store.Conv, seq uint64, it item, change func(*logpb.Batch) bool) (item, error) {
	st, err := parseBatch(it)
	if err != nil || fold.Entry(st.Batch, seq) == nil || !change(st.Batch) {
		return nil, err
	}
	data, err := proto.Marshal(st.Batch)
	if err != nil {
		return nil, fmt.Errorf("%w: encode batch: %w", store.ErrInvalid, err)
	}
	old := it[attrBatch]
	if v, ok := old.(*types.AttributeValueMemberB); ok && bytes.Equal(v.Value, data) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err = s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(LogTable), Key: logKey(c, store.First(st.Batch)),
		UpdateExpression:                    aws.String("SET " + attrBatch + " = :new"),
		ConditionExpression:                 aws.String(notCreating + " AND " + attrBatch + " = :old"),
		ExpressionAttributeValues:           item{":new": &types.AttributeValueMemberB{Value: data}, ":old": old},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		if len(failed.Item) == 0 {
			return nil, nil
		}
		return failed.Item, nil
	}
	return nil, wrap("UpdateItem", err)
}
