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

// maxWrite is how many items one BatchWriteItem deletes.
const maxWrite = 25

// keysOnly is the projection of a query that is for deleting.
const keysOnly = attrPK + ", " + attrSK

// PurgeConversation implements store.Purges. What says where the rest is goes last, so that who is cut off can go on.
func (s *Store) PurgeConversation(ctx context.Context, c store.Conv, through uint64) error {
	conv, err := s.Conversation(ctx, c)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	last := store.Bucket(max(through, conv.Tail, conv.Floor, 1))
	for bucket := uint64(0); ; bucket++ {
		n, err := s.deletePartition(ctx, LogTable, logPK(c, bucket*store.BucketSeqs+1))
		if err != nil {
			return err
		}
		if n == 0 && bucket >= last {
			break
		}
	}
	members, err := s.Members(ctx, c)
	if err != nil {
		return err
	}
	keys := make([]item, len(members))
	for i, m := range members {
		keys[i] = membershipKey(m.User, c)
	}
	if err := s.deleteItems(ctx, MembershipsTable, keys); err != nil {
		return err
	}
	for i, m := range members {
		keys[i] = memberKey(c, m.User)
	}
	return s.deleteItems(ctx, ConversationsTable, append(keys, keyOf(convPK(c), metaSK)))
}

// PurgeUser implements store.Purges.
func (s *Store) PurgeUser(ctx context.Context, u store.User) error {
	for _, table := range []string{MembershipsTable, DevicesTable} {
		if _, err := s.deletePartition(ctx, table, userPK(u)); err != nil {
			return err
		}
	}
	return nil
}

// PurgeDevices implements store.Purges. It scans the devices table: the one of which nothing else knows whose it holds.
func (s *Store) PurgeDevices(ctx context.Context, t store.Tenant) (deleted int, err error) {
	in := &dynamodb.ScanInput{
		TableName: s.table(DevicesTable), ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(keysOnly),
		// A user's devices, and the pushes that wait, which name their tenant.
		FilterExpression:          aws.String("begins_with(" + attrPK + ", :mine) OR #tenant = :tenant"),
		ExpressionAttributeNames:  placeholders(attrTenant),
		ExpressionAttributeValues: item{":mine": str("T#" + store.Escape(string(t)) + "#"), ":tenant": str(string(t))},
	}
	for {
		page, err := s.scan(ctx, in)
		if err != nil {
			return deleted, err
		}
		if err := s.deleteItems(ctx, DevicesTable, page.Items); err != nil {
			return deleted, err
		}
		deleted += len(page.Items)
		if len(page.LastEvaluatedKey) == 0 {
			return deleted, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// PurgeDeferrals implements store.Purges. It looks at all that are in the user's shard.
func (s *Store) PurgeDeferrals(ctx context.Context, u store.User) (deleted int, err error) {
	in := s.all(DevicesTable, deferralPK(store.DeferralShard(u)))
	in.ProjectionExpression = aws.String(keysOnly)
	in.FilterExpression = aws.String("#tenant = :tenant AND #user = :user")
	in.ExpressionAttributeNames = placeholders(attrTenant, attrUser)
	in.ExpressionAttributeValues[":tenant"], in.ExpressionAttributeValues[":user"] = str(string(u.Tenant())), str(u.ID())
	return s.deleteFound(ctx, DevicesTable, in)
}

func (s *Store) scan(ctx context.Context, in *dynamodb.ScanInput) (*dynamodb.ScanOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.api.Scan(ctx, in)
	return out, wrap("Scan", err)
}

// deletePartition deletes every item of a partition and returns how many there were.
func (s *Store) deletePartition(ctx context.Context, table, pk string) (deleted int, err error) {
	in := s.all(table, pk)
	in.ProjectionExpression = aws.String(keysOnly)
	return s.deleteFound(ctx, table, in)
}

// deleteFound deletes what the query finds and returns how many that were.
func (s *Store) deleteFound(ctx context.Context, table string, in *dynamodb.QueryInput) (deleted int, err error) {
	for {
		page, err := s.page(ctx, in)
		if err != nil {
			return deleted, err
		}
		if err := s.deleteItems(ctx, table, page.Items); err != nil {
			return deleted, err
		}
		deleted += len(page.Items)
		if len(page.LastEvaluatedKey) == 0 {
			return deleted, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// deleteItems deletes by keys, those that are not there included.
func (s *Store) deleteItems(ctx context.Context, table string, keys []item) error {
	for len(keys) > 0 {
		n := min(len(keys), maxWrite)
		if err := s.deleteSome(ctx, *s.table(table), keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return ctx.Err()
}

func (s *Store) deleteSome(ctx context.Context, table string, keys []item) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	requests := make([]types.WriteRequest, len(keys))
	for i, k := range keys {
		requests[i] = types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k}}
	}
	for try := 0; len(requests) > 0; try++ {
		if try == conflictTries {
			return fmt.Errorf("dynamodb BatchWriteItem: %d keys stay unprocessed", len(requests))
		}
		if err := backoff(ctx, try); err != nil {
			return wrap("BatchWriteItem", err)
		}
		out, err := s.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: requests}})
		if err != nil {
			return wrap("BatchWriteItem", err)
		}
		requests = out.UnprocessedItems[table]
	}
	return nil
}
