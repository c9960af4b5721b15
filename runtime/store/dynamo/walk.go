package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// EachConversation implements store.Walks. It scans the conversations table, whose members it reads past.
func (s *Store) EachConversation(ctx context.Context, f func(store.Conv) error) error {
	in := &dynamodb.ScanInput{
		TableName: s.table(ConversationsTable), ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(keysOnly),
		FilterExpression: aws.String(attrSK + " = :meta"), ExpressionAttributeValues: item{":meta": str(metaSK)},
	}
	for {
		page, err := s.scan(ctx, in)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			// A conversation's key is a batch's without the bucket.
			c, err := parseLogPK(text(it, attrPK) + "#0")
			if err != nil {
				return fmt.Errorf("walk through conversations: %w", err)
			}
			if err := f(c); err != nil {
				return err
			}
		}
		if len(page.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}
