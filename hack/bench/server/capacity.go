package server

import (
	"context"
	"maps"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// capacity counts the units that DynamoDB says each request has consumed, by table and by read or write.
type capacity struct {
	mu    sync.Mutex
	units map[string]float64
}

func (c *capacity) install(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("count capacity", c.handle), middleware.Before)
}

func (c *capacity) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	const total = types.ReturnConsumedCapacityTotal
	switch p := in.Parameters.(type) {
	case *dynamodb.PutItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.UpdateItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.TransactWriteItemsInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.GetItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.BatchGetItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity = total
	}
	out, md, err := next.HandleInitialize(ctx, in)
	switch r := out.Result.(type) {
	case *dynamodb.PutItemOutput:
		c.add("write", r.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		c.add("write", r.ConsumedCapacity)
	case *dynamodb.TransactWriteItemsOutput:
		for i := range r.ConsumedCapacity {
			c.add("write", &r.ConsumedCapacity[i])
		}
	case *dynamodb.GetItemOutput:
		c.add("read", r.ConsumedCapacity)
	case *dynamodb.BatchGetItemOutput:
		for i := range r.ConsumedCapacity {
			c.add("read", &r.ConsumedCapacity[i])
		}
	case *dynamodb.QueryOutput:
		c.add("read", r.ConsumedCapacity)
	}
	return out, md, err
}

func (c *capacity) add(kind string, used *types.ConsumedCapacity) {
	if used == nil {
		return
	}
	_, table, _ := strings.Cut(aws.ToString(used.TableName), "-")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.units[kind+" "+table] += aws.ToFloat64(used.CapacityUnits)
}

func (c *capacity) now() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.units)
}
