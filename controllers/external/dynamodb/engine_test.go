//go:build engines

package dynamodb_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
)

// An engine in DynamoDB's place gets to where nothing is left to do, and back to nothing: what it does not know or stores in
// another way must not be tried for ever.
func TestEngine(t *testing.T) {
	api := dynamotest.Client(t)
	for _, table := range dynamo.Tables() {
		w := dynamodb.Wanted{
			Name: "test-" + uuid.NewString()[:8] + "-" + table.Name, Table: table, Billing: unlimited, DeletionProtection: true, BackupDays: 35,
			Owner: ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"},
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		run := func(next func(dynamodb.Wanted, dynamodb.Observed) (dynamodb.Step, error)) (steps []dynamodb.Step) {
			t.Helper()
			for range 20 {
				o, err := dynamodb.Observe(ctx, api, w.Name, true)
				if err != nil {
					t.Fatal(err)
				}
				step, err := next(w, o)
				if err != nil {
					t.Fatal(err)
				}
				if step == dynamodb.Done {
					return steps
				}
				steps = append(steps, step)
				if err := dynamodb.Do(ctx, api, w, o, step); err != nil {
					t.Fatalf("%s: %v", step, err)
				}
			}
			t.Fatalf("table %s: no end after %v", table.Name, steps)
			return nil
		}
		run(next)
		w.Billing = dynamodb.Billing{Provisioned: true, Capacity: dynamodb.Capacity{Read: 5, Write: 6}}
		run(next)
		w.Billing = unlimited
		run(next)
		run(func(w dynamodb.Wanted, o dynamodb.Observed) (dynamodb.Step, error) {
			return dynamodb.NextDelete(w, o), nil
		})
	}
}
