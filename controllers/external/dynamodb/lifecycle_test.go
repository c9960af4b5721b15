package dynamodb_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// A table goes from nothing to wanted and back to nothing under DynamoDB's rules: no step is ever refused.
func TestLifecycle(t *testing.T) {
	for _, table := range dynamo.Tables() {
		t.Run(table.Name, func(t *testing.T) {
			fake := &dynamodbtest.Fake{}
			w := dynamodb.Wanted{
				Name: dynamo.FullName("p.", table.Name), Table: table, DeletionProtection: true, BackupDays: 35, Billing: unlimited,
				Owner: ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"},
			}
			run := func(next func(dynamodb.Wanted, dynamodb.Observed) (dynamodb.Step, error)) []dynamodb.Step {
				t.Helper()
				return converge(t, fake, w, next)
			}

			want := []dynamodb.Step{dynamodb.Create, dynamodb.SetBackups}
			if table.TTLAttribute != "" {
				want = []dynamodb.Step{dynamodb.Create, dynamodb.EnableTTL, dynamodb.SetBackups}
			}
			if diff := cmp.Diff(want, run(next)); diff != "" {
				t.Errorf("steps of a new table (-want +got):\n%s", diff)
			}
			before := len(fake.Writes())
			if steps := run(next); len(steps) > 0 || len(fake.Writes()) != before {
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

var unlimited = dynamodb.Billing{Limits: dynamodb.Capacity{Read: dynamodb.NoLimit, Write: dynamodb.NoLimit}}

func next(w dynamodb.Wanted, o dynamodb.Observed) (dynamodb.Step, error) {
	return dynamodb.Next(w, o, func(dynamodb.Step) bool { return false })
}

// converge makes step after step until there is none, and plays DynamoDB's part meanwhile. No step may fail.
func converge(t *testing.T, fake *dynamodbtest.Fake, w dynamodb.Wanted, next func(dynamodb.Wanted, dynamodb.Observed) (dynamodb.Step, error)) (steps []dynamodb.Step) {
	t.Helper()
	for range 30 {
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
			t.Fatalf("%s: %v", step, err)
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

// Every change of every kind, from anything to anything, is one that DynamoDB takes.
func TestChanges(t *testing.T) {
	provisioned := dynamodb.Billing{Provisioned: true, Capacity: dynamodb.Capacity{Read: 5, Write: 6}}
	changes := []struct {
		reason string
		change func(*dynamodb.Wanted)
		want   []dynamodb.Step
	}{
		{"limits", func(w *dynamodb.Wanted) { w.Billing.Limits.Write = 100 }, []dynamodb.Step{dynamodb.SetThroughput}},
		{"another limit", func(w *dynamodb.Wanted) { w.Billing.Limits = dynamodb.Capacity{Read: 7, Write: 100} }, []dynamodb.Step{dynamodb.SetThroughput}},
		{"provisioned, with its index", func(w *dynamodb.Wanted) { w.Billing = provisioned }, []dynamodb.Step{dynamodb.SetBillingMode}},
		{"more of it", func(w *dynamodb.Wanted) { w.Billing.Capacity.Read = 9 }, []dynamodb.Step{dynamodb.SetThroughput}},
		{"on demand, without limits", func(w *dynamodb.Wanted) { w.Billing = unlimited }, []dynamodb.Step{dynamodb.SetBillingMode}},
		{"a key", func(w *dynamodb.Wanted) { w.KMSKeyARN = "arn:aws:kms:x:1:key/a" }, []dynamodb.Step{dynamodb.SetEncryption}},
		{"another key, and fewer days", func(w *dynamodb.Wanted) { w.KMSKeyARN, w.BackupDays = "arn:aws:kms:x:1:key/b", 3 }, []dynamodb.Step{dynamodb.SetEncryption, dynamodb.SetBackups}},
		{"AWS's key, no protection, no backups", func(w *dynamodb.Wanted) { w.KMSKeyARN, w.DeletionProtection, w.BackupDays = "", false, 0 }, []dynamodb.Step{dynamodb.SetEncryption, dynamodb.SetProtection, dynamodb.SetBackups}},
		{"a tag", func(w *dynamodb.Wanted) { w.Tags = map[string]string{"team": "chat"} }, []dynamodb.Step{dynamodb.Tag}},
		{"all at once", func(w *dynamodb.Wanted) {
			w.Billing, w.KMSKeyARN, w.BackupDays, w.DeletionProtection = provisioned, "arn:aws:kms:x:1:key/c", 35, true
		}, []dynamodb.Step{dynamodb.SetEncryption, dynamodb.SetBillingMode, dynamodb.SetProtection, dynamodb.SetBackups}},
	}
	fake := &dynamodbtest.Fake{}
	w := dynamodb.Wanted{
		Name: "p.log", Table: logTable(t), Billing: unlimited, DeletionProtection: true, BackupDays: 35,
		Owner: ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"},
	}
	converge(t, fake, w, next)
	for _, c := range changes {
		c.change(&w)
		if diff := cmp.Diff(c.want, converge(t, fake, w, next)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
		if steps := converge(t, fake, w, next); len(steps) > 0 {
			t.Errorf("%s: it does not stick: %v", c.reason, steps)
		}
	}
}

// logTable is one with an index and a time to live.
func logTable(t *testing.T) dynamo.Table {
	t.Helper()
	for _, table := range dynamo.Tables() {
		if len(table.Indexes) > 0 && table.TTLAttribute != "" {
			return table
		}
	}
	t.Fatal("no table has an index and a time to live")
	return dynamo.Table{}
}

// The fifth switch to on demand within a day is refused, and is a matter of time, not of a person.
func TestDailyLimit(t *testing.T) {
	fake := &dynamodbtest.Fake{}
	now := time.Unix(0, 0)
	fake.Now = func() time.Time { return now }
	w := dynamodb.Wanted{Name: "p.log", Table: logTable(t), Billing: unlimited, Owner: ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"}}
	converge(t, fake, w, next)
	for range 4 {
		fake.SetBilling(w.Name, 5, 5)
		converge(t, fake, w, next)
	}
	fake.SetBilling(w.Name, 5, 5)
	o, err := dynamodb.Observe(t.Context(), fake, w.Name, false)
	if err != nil {
		t.Fatal(err)
	}
	if err = dynamodb.Do(t.Context(), fake, w, o, dynamodb.SetBillingMode); fault.Reason(err) != v1alpha1.ReasonLimited || fault.IsTerminal(err) {
		t.Errorf("the limit is reported as %s, terminal %t: %v", fault.Reason(err), fault.IsTerminal(err), err)
	}
	now = now.Add(24 * time.Hour)
	converge(t, fake, w, next)
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
