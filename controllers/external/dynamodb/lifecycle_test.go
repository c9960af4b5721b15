package dynamodb_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// A table goes from nothing to wanted and back to nothing under DynamoDB's rules: no step is ever refused.
func TestLifecycle(t *testing.T) {
	for _, table := range dynamo.Tables() {
		t.Run(table.Name, func(t *testing.T) {
			fake := &dynamodbtest.Fake{}
			w := dynamodb.Wanted{
				Name: dynamo.FullName("p.", table.Name), Table: table, DeletionProtection: true, BackupDays: 35,
				Owner: ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"},
			}
			run := func(next func(dynamodb.Wanted, dynamodb.Observed) (dynamodb.Step, error)) (steps []dynamodb.Step) {
				t.Helper()
				for range 20 {
					o, err := dynamodb.Observe(t.Context(), fake, w.Name, false)
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
					if err := dynamodb.Do(t.Context(), fake, w, o, step); err != nil {
						t.Fatal(err)
					}
					if step == dynamodb.Wait {
						fake.Settle()
					} else {
						steps = append(steps, step)
					}
				}
				t.Fatalf("no end after %v", steps)
				return nil
			}

			want := []dynamodb.Step{dynamodb.Create, dynamodb.SetBackups}
			if table.TTLAttribute != "" {
				want = []dynamodb.Step{dynamodb.Create, dynamodb.EnableTTL, dynamodb.SetBackups}
			}
			if diff := cmp.Diff(want, run(dynamodb.Next)); diff != "" {
				t.Errorf("steps of a new table (-want +got):\n%s", diff)
			}
			before := len(fake.Writes())
			if steps := run(dynamodb.Next); len(steps) > 0 || len(fake.Writes()) != before {
				t.Errorf("a table as wanted was written to: %v", steps)
			}
			deletion := func(w dynamodb.Wanted, o dynamodb.Observed) (dynamodb.Step, error) {
				return dynamodb.NextDelete(w, o), nil
			}
			if diff := cmp.Diff([]dynamodb.Step{dynamodb.Unprotect, dynamodb.Delete}, run(deletion)); diff != "" {
				t.Errorf("steps of deleting (-want +got):\n%s", diff)
			}
			if slices.Contains(fake.Names(), w.Name) {
				t.Error("the table is still there")
			}
		})
	}
}

// A table that goes while it is looked at must not be taken for nobody's.
func TestGoesWhileObserved(t *testing.T) {
	fake := &dynamodbtest.Fake{}
	table := dynamo.Tables()[0]
	w := dynamodb.Wanted{Name: "p.x", Table: table, Owner: ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"}}
	if err := dynamodb.Do(t.Context(), fake, w, dynamodb.Observed{State: dynamodb.Missing}, dynamodb.Create); err != nil {
		t.Fatal(err)
	}
	fake.Settle()
	fake.Before = func(operation string) error {
		if operation == "ListTagsOfResource" {
			return &types.ResourceNotFoundException{}
		}
		return nil
	}
	if o, err := dynamodb.Observe(t.Context(), fake, w.Name, false); err != nil || o.State != dynamodb.Missing {
		t.Errorf("observed %+v, %v", o, err)
	}
}
