package dynamotest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// wait is how long a table may take to become active.
const wait = time.Minute

// EnsureTables makes the tables of a cluster that are not there yet, on demand capacity, and waits until they are active.
func EnsureTables(ctx context.Context, client *dynamodb.Client, prefix string) error {
	for _, t := range dynamo.Tables() {
		_, err := client.CreateTable(ctx, createInput(prefix, t))
		if exists := (*types.ResourceInUseException)(nil); err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("create table %s: %w", t.Name, err)
		}
	}
	waiter := dynamodb.NewTableExistsWaiter(client)
	for _, t := range dynamo.Tables() {
		in := &dynamodb.DescribeTableInput{TableName: aws.String(dynamo.FullName(prefix, t.Name))}
		if err := waiter.Wait(ctx, in, wait); err != nil {
			return fmt.Errorf("wait for table %s: %w", t.Name, err)
		}
	}
	return nil
}

// DeleteTables deletes the tables that are there.
func DeleteTables(ctx context.Context, client *dynamodb.Client, prefix string) error {
	var errs []error
	for _, t := range dynamo.Tables() {
		_, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(dynamo.FullName(prefix, t.Name))})
		if gone := (*types.ResourceNotFoundException)(nil); err != nil && !errors.As(err, &gone) {
			errs = append(errs, fmt.Errorf("delete table %s: %w", t.Name, err))
		}
	}
	return errors.Join(errs...)
}

func createInput(prefix string, t dynamo.Table) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName: aws.String(dynamo.FullName(prefix, t.Name)), BillingMode: types.BillingModePayPerRequest,
		KeySchema: []types.KeySchemaElement{element(t.Hash, types.KeyTypeHash)},
	}
	keys := map[string]dynamo.KeyType{t.Hash.Name: t.Hash.Type}
	if t.Range != nil {
		in.KeySchema = append(in.KeySchema, element(*t.Range, types.KeyTypeRange))
		keys[t.Range.Name] = t.Range.Type
	}
	for _, x := range t.Indexes {
		keys[x.Hash.Name], keys[x.Range.Name] = x.Hash.Type, x.Range.Type
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  aws.String(x.Name),
			KeySchema:  []types.KeySchemaElement{element(x.Hash, types.KeyTypeHash), element(x.Range, types.KeyTypeRange)},
			Projection: &types.Projection{ProjectionType: types.ProjectionType(x.Projection)},
		})
	}
	for name, kind := range keys {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeType(kind),
		})
	}
	return in
}

func element(k dynamo.Key, t types.KeyType) types.KeySchemaElement {
	return types.KeySchemaElement{AttributeName: aws.String(k.Name), KeyType: t}
}
