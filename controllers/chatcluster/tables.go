package chatcluster

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// When to look again at a table: after a step was made, and while DynamoDB is busy with it.
const (
	afterStep = time.Second
	afterWait = 5 * time.Second
)

func (s *scope) wantedTables() []dynamodb.Wanted {
	var wanted []dynamodb.Wanted
	for _, t := range dynamo.Tables() {
		wanted = append(wanted, dynamodb.Wanted{
			Name:               dynamo.FullName(s.spec.DynamoDB.TablePrefix, t.Name),
			Table:              t,
			Owner:              s.owner,
			Tags:               s.userTags(),
			DeletionProtection: *s.spec.DynamoDB.DeletionProtection,
			BackupDays:         *s.spec.DynamoDB.PointInTimeRecovery.Days,
			Adopt:              s.adopt(),
		})
	}
	return wanted
}

// adopt tells whether the user allows to take over what an earlier ChatCluster retained.
func (s *scope) adopt() bool { return s.cc.Annotations[v1alpha1.AnnotationAdopt] == "true" }

// tables brings each table one step closer to what is wanted.
func (s *scope) tables(ctx context.Context) {
	wanted := s.wantedTables()
	type wish struct {
		AWS    v1alpha1.AWSSpec
		Tables []dynamodb.Wanted
	}
	remembered := wish{s.spec.AWS, wanted}
	if found, ok := s.memo.get(s.cc.UID, "tables", remembered); ok {
		s.facts.tableList = found.([]v1alpha1.TableStatus)
		return
	}
	s.facts.tableList = s.cc.Status.Tables
	replaced := s.spec.AWS.Endpoints.DynamoDB != ""
	if replaced {
		if err := s.claimed(ctx, claimTables); err != nil {
			s.facts.tables = failed(err)
			return
		}
	}
	api, err := s.dynamoDB(ctx)
	if err != nil {
		s.facts.tables = secretFact(err)
		return
	}
	var errs []error
	var busy, created []string
	var list []v1alpha1.TableStatus
	after := time.Duration(0)
	for _, w := range wanted {
		o, err := dynamodb.Observe(ctx, api, w.Name, replaced)
		if err != nil {
			errs = append(errs, err)
			if ctx.Err() != nil {
				break
			}
			continue
		}
		list = append(list, v1alpha1.TableStatus{Name: w.Name, State: o.State, ARN: o.ARN, Unsupported: o.Unsupported})
		step, err := dynamodb.Next(w, o)
		if err == nil && step != dynamodb.Done {
			err = dynamodb.Do(ctx, api, w, o, step)
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case step == dynamodb.Create:
			created = append(created, w.Name)
			fallthrough
		case step != dynamodb.Done:
			busy = append(busy, w.Name+" ("+describeStep(o, step)+")")
			if wait := s.waitFor(w.Name, step); after == 0 || wait < after {
				after = wait
			}
		}
	}
	// One event for all: the events of one pass would be folded into the first one's text.
	if len(created) > 0 {
		s.event("TablesCreated", "CreateTables", "Created DynamoDB tables %s", strings.Join(created, ", "))
	}
	if len(list) > 0 {
		s.facts.tableList = list
	}
	s.facts.tables = fact{err: errors.Join(errs...), after: after}
	if len(busy) > 0 {
		s.facts.tables.reason = v1alpha1.ReasonProgressing
		s.facts.tables.message = "in progress: " + strings.Join(busy, ", ")
	}
	if s.facts.tables.ready() {
		s.memo.put(s.cc.UID, "tables", remembered, list, jitter(s.Options.ObserveEvery))
	}
}

// waitFor is when to look again at a table: soon after a step, to make the next one.
func (s *scope) waitFor(table string, step dynamodb.Step) time.Duration {
	if step == dynamodb.Wait {
		return afterWait
	}
	return s.afterChange("table "+table, string(step))
}

// afterChange is when to look again after a change outside Kubernetes. A change that does not stick, because an engine stores
// another value than it was given or somebody else changes it back, is made less and less often.
func (s *scope) afterChange(what, change string) time.Duration {
	times := 0
	if found, ok := s.memo.get(s.cc.UID, what, change); ok {
		times = found.(int)
	}
	s.memo.put(s.cc.UID, what, change, times+1, 2*retryTerminal)
	return min(afterStep<<min(times, 16), retryTerminal)
}

func describeStep(o dynamodb.Observed, step dynamodb.Step) string {
	if step == dynamodb.Wait {
		return o.State
	}
	return string(step)
}
