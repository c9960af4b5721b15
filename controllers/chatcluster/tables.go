package chatcluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// When to look again at a table: after a step was made, and while DynamoDB is busy with it.
const (
	afterStep = time.Second
	afterWait = 5 * time.Second
)

// holdLimited is how long, at least, a step that AWS refuses for hours is left out.
const holdLimited = 5 * time.Minute

func (s *scope) wantedTables() []dynamodb.Wanted {
	known := ids(s.cc.Status.Tables)
	var wanted []dynamodb.Wanted
	for _, t := range dynamo.Tables() {
		name := dynamo.FullName(s.spec.DynamoDB.TablePrefix, t.Name)
		wanted = append(wanted, dynamodb.Wanted{
			Name:               name,
			Table:              t,
			Owner:              s.owner,
			KnownID:            known[name],
			Tags:               s.userTags(),
			Billing:            billing(s.spec.DynamoDB.Billing),
			KMSKeyARN:          s.spec.DynamoDB.KMSKeyARN,
			DeletionProtection: *s.spec.DynamoDB.DeletionProtection,
			BackupDays:         *s.spec.DynamoDB.PointInTimeRecovery.Days,
			Adopt:              s.adopt(),
			Recreate:           s.recreate(),
		})
	}
	return wanted
}

func billing(b v1alpha1.BillingSpec) dynamodb.Billing {
	if p := b.Provisioned; p != nil {
		return dynamodb.Billing{Provisioned: true, Capacity: dynamodb.Capacity{Read: p.ReadUnits, Write: p.WriteUnits}}
	}
	return dynamodb.Billing{Limits: dynamodb.Capacity{
		Read: ptr.Deref(b.OnDemand.MaxReadUnits, dynamodb.NoLimit), Write: ptr.Deref(b.OnDemand.MaxWriteUnits, dynamodb.NoLimit),
	}}
}

// adopt tells whether the user allows to take over what an earlier ChatCluster retained.
func (s *scope) adopt() bool {
	return s.cc.Annotations[v1alpha1.AnnotationAdoptionPolicy] == v1alpha1.AdoptionAdopt
}

// recreate tells whether the user allows to make anew what was lost.
func (s *scope) recreate() bool {
	return s.cc.Annotations[v1alpha1.AnnotationAdoptionPolicy] == v1alpha1.AdoptionRecreate
}

// tables brings each table one step closer to what is wanted.
func (s *scope) tables(ctx context.Context) {
	type wish struct {
		AWS             v1alpha1.AWSSpec
		DynamoDB        v1alpha1.DynamoDBSpec
		Known           map[string]string
		Adopt, Recreate bool
	}
	remembered := wish{s.spec.AWS, s.spec.DynamoDB, ids(s.cc.Status.Tables), s.adopt(), s.recreate()} // the tables follow from it
	if found, ok := s.memo.get(s.cc.UID, "tables", remembered); ok {
		s.facts.tableList = found.([]v1alpha1.TableStatus)
		return
	}
	s.facts.tableList = s.cc.Status.Tables
	if err := s.claimed(ctx, claimTables); err != nil {
		s.facts.tables = failed(err)
		return
	}
	api, err := s.dynamoDB(ctx)
	if err != nil {
		s.facts.tables = secretFact(err)
		return
	}
	var all progress
	for _, w := range s.wantedTables() {
		s.table(ctx, api, w, &all)
		if ctx.Err() != nil {
			break
		}
	}
	// One event for all: the events of one pass would be folded into the first one's text.
	if len(all.created) > 0 {
		s.event("TablesCreated", "CreateTables", "Created DynamoDB tables %s", strings.Join(all.created, ", "))
	}
	// A table that could not be looked at keeps what is known of it.
	s.facts.tableList = s.cc.Status.Tables
	if len(all.list) > 0 {
		s.facts.tableList = merged(s.cc.Status.Tables, all.list)
	}
	s.facts.tables = all.fact()
	if s.facts.tables.ready() {
		remembered.Known = ids(s.facts.tableList) // from now on these are the known ones
		s.memo.put(s.cc.UID, "tables", remembered, s.facts.tableList, jitter(s.Options.ObserveEvery))
	}
}

// progress is what a pass found and did, over all tables.
type progress struct {
	list    []v1alpha1.TableStatus
	errs    []error
	busy    []string
	created []string
	held    []string
	after   time.Duration
}

func (p *progress) fact() fact {
	f := fact{err: errors.Join(p.errs...), after: p.after}
	switch {
	case len(p.busy) > 0:
		f.reason, f.message = v1alpha1.ReasonProgressing, "in progress: "+strings.Join(p.busy, ", ")
	case len(p.held) > 0:
		f.reason, f.message = v1alpha1.ReasonLimited, "tried again later: "+strings.Join(p.held, "; ")
	}
	return f
}

func (p *progress) lookAgain(after time.Duration) {
	if p.after == 0 || after < p.after {
		p.after = after
	}
}

// table makes the next step of one table.
func (s *scope) table(ctx context.Context, api dynamodb.API, w dynamodb.Wanted, all *progress) {
	o, err := dynamodb.Observe(ctx, api, w.Name, s.spec.AWS.Endpoints.DynamoDB != "")
	if err != nil {
		all.errs = append(all.errs, err)
		return
	}
	id := o.ID
	held := func(step dynamodb.Step) bool {
		why, ok := s.memo.get(s.cc.UID, heldKey(w, step), w.Billing)
		if ok {
			all.held = append(all.held, why.(string))
			all.lookAgain(holdLimited)
		}
		return ok
	}
	step, err := dynamodb.Next(w, o, held)
	if err != nil {
		// It is not the table that the status knows, or not this ChatCluster's to know.
		id = w.KnownID
	}
	all.list = append(all.list, v1alpha1.TableStatus{Name: w.Name, State: o.State, ID: id, ARN: o.ARN, Unsupported: o.Unsupported})
	if err == nil && step != dynamodb.Done {
		err = s.step(ctx, api, w, o, step)
	}
	switch {
	case fault.Reason(err) == v1alpha1.ReasonLimited && daily(step):
		s.memo.put(s.cc.UID, heldKey(w, step), w.Billing, fault.Message(err), jitter(holdLimited))
		all.held = append(all.held, fault.Message(err))
		all.lookAgain(afterStep)
	case err != nil:
		all.errs = append(all.errs, err)
	case step == dynamodb.Create:
		all.created = append(all.created, w.Name)
		fallthrough
	case step != dynamodb.Done:
		all.busy = append(all.busy, w.Name+" ("+describeStep(o, step)+")")
		all.lookAgain(s.waitFor(w.Name, step))
	}
}

// daily are the steps that AWS takes so many times a day. The others go on meanwhile.
func daily(step dynamodb.Step) bool {
	return step == dynamodb.SetBillingMode || step == dynamodb.SetEncryption || step == dynamodb.SetThroughput
}

func heldKey(w dynamodb.Wanted, step dynamodb.Step) string {
	return "held " + w.Name + " " + string(step)
}

// step makes a step of a table, or only notes it.
func (s *scope) step(ctx context.Context, api dynamodb.API, w dynamodb.Wanted, o dynamodb.Observed, step dynamodb.Step) error {
	if s.plan == nil {
		return dynamodb.Do(ctx, api, w, o, step)
	}
	steps := []dynamodb.Step{step}
	if s.cc.DeletionTimestamp.IsZero() {
		steps, _ = dynamodb.Plan(w, o)
	}
	for _, step := range steps {
		if step != dynamodb.Wait {
			s.plan.note("table %s: %s", w.Name, step)
		}
	}
	return nil
}

// merged replaces what is known by what was found, table by table.
func merged(known, found []v1alpha1.TableStatus) []v1alpha1.TableStatus {
	list := slices.Clone(found)
	for _, k := range known {
		if !slices.ContainsFunc(found, func(f v1alpha1.TableStatus) bool { return f.Name == k.Name }) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b v1alpha1.TableStatus) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// ids are the tables' ids by name.
func ids(tables []v1alpha1.TableStatus) map[string]string {
	known := make(map[string]string, len(tables))
	for _, t := range tables {
		known[t.Name] = t.ID
	}
	return known
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
