package iam

import (
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
)

const (
	chatd    = "cmd/chatd"
	store    = "runtime/store/dynamo"
	eventlog = "runtime/eventlog"
)

// tables are the constants that name tables, and what comes after the prefix.
var tables = map[string]string{
	"LogTable": "log", "ConversationsTable": "conversations", "MembershipsTable": "memberships", "DevicesTable": "devices",
	"TenantsTable": "tenants", "RevocationsTable": "revocations",
}

// producerTopics are the topics that a producer's fields hold, and consumed the constants that consumers' options use.
var (
	producerTopics = map[string]string{
		"logTopic": "log", "marksTopic": "marks", "verdictsTopic": "verdicts", "auditTopic": "audit", "figuresTopic": "figures", "notifyDead": "notify.dlq",
	}
	consumed = map[string]string{"LogTopic": "log", "MarksTopic": "marks", "VerdictsTopic": "verdicts", "AuditTopic": "audit", "FiguresTopic": "figures"}
)

// role makes the policy of the component that a function of cmd/chatd puts together.
func (c Code) role(component, run string) (Policy, error) {
	r, err := c.reach(chatd, run)
	if err != nil {
		return Policy{}, err
	}
	statements, err := c.tablesFor(r.handed(named("runtime/store", "Store")))
	if err != nil {
		return Policy{}, err
	}
	topics, err := c.topicsOf(component, r)
	if err != nil {
		return Policy{}, err
	}
	statements = append(statements, topics...)
	if r.objects[eventlog+".AwaitConsumed"] {
		statements = append(statements, awaited(r.objects)...)
	}
	if r.objects["runtime/push/pinpoint.New"] {
		calls, err := c.methods("runtime/push/pinpoint", "API")
		if err != nil {
			return Policy{}, err
		}
		statements = append(statements, allow("Push", "mobiletargeting", setOf(calls...), application+"/messages"))
	}
	if r.objects["runtime/audit.NewObjectAPI"] {
		objects, err := c.objectCalls()
		if err != nil {
			return Policy{}, err
		}
		statements = append(statements, objects...)
	}
	if r.objects["runtime/readmodel.Open"] || r.objects["runtime/readmodel.Migrate"] {
		statements = append(statements, allow("ReadModel", "rds-db", setOf("connect"), database))
	}
	if r.objects["runtime/cache.Connect"] {
		statements = append(statements, allow("Cache", "elasticache", setOf("Connect"), cache, cacheUser))
	}
	return document(statements...), nil
}

// awaited allows to look how far others have come: consumer groups by their constants, and the detectors', which are called as they are.
func awaited(objects map[string]bool) []Statement {
	var topics []string
	groups := []string{mskGroup + "fraud", mskGroup + "profanity", mskGroup + "spam"}
	for constant, topic := range consumed {
		if objects[eventlog+"."+constant] {
			topics = append(topics, mskTopic+topic)
		}
	}
	for constant, group := range map[string]string{"ProjectGroup": "project", "AuditGroup": "audit", "AnalyticsGroup": "analytics"} {
		if objects[eventlog+"."+constant] {
			groups = append(groups, mskGroup+group)
		}
	}
	slices.Sort(topics)
	slices.Sort(groups)
	return []Statement{
		allow("Kafka", "kafka-cluster", setOf("Connect", "DescribeCluster"), mskCluster),
		allow("Ends", "kafka-cluster", setOf("DescribeTopic"), topics...),
		allow("Groups", "kafka-cluster", setOf("DescribeGroup"), groups...),
	}
}

// objectCalls allows what exports the audit log: calls of objects, and of the bucket.
func (c Code) objectCalls() ([]Statement, error) {
	calls, err := c.methods("runtime/audit", "ObjectAPI")
	if err != nil {
		return nil, err
	}
	of, in := map[string]bool{}, map[string]bool{}
	for _, call := range calls {
		switch call {
		case "ListObjectsV2":
			in["ListBucket"] = true
		case "PutObject":
			// Who locks an object while it is written needs leave for both.
			of[call], of["PutObjectRetention"] = true, true
		default:
			of[call] = true
		}
	}
	return []Statement{allow("AuditExport", "s3", of, bucketObjects), allow("AuditExports", "s3", in, bucket)}, nil
}

// tablesFor allows what methods of the store need, a statement for each table.
func (c Code) tablesFor(methods []string) ([]Statement, error) {
	actions := map[string]map[string]bool{}
	indexed := map[string]bool{}
	for _, method := range methods {
		m, err := c.reach(store, "Store."+method)
		if err != nil {
			return nil, err
		}
		calls := m.calls()
		used := 0
		for constant, table := range tables {
			if !m.objects[store+"."+constant] {
				continue
			}
			used++
			if actions[table] == nil {
				actions[table] = map[string]bool{}
			}
			maps.Copy(actions[table], calls)
			indexed[table] = indexed[table] || table == "log" && m.objects[store+".OutboxIndex"]
		}
		if used == 0 || len(calls) == 0 {
			return nil, fmt.Errorf("%s.Store.%s calls %v of %d tables: it is not understood", store, method, slices.Sorted(maps.Keys(calls)), used)
		}
	}
	var statements []Statement
	for _, table := range slices.Sorted(maps.Keys(actions)) {
		resources := []string{dynamoDB + table}
		if indexed[table] {
			resources = append(resources, dynamoDB+table+"/index/outbox")
		}
		statements = append(statements, allow(strings.ToUpper(table[:1])+table[1:]+"Table", "dynamodb", actions[table], resources...))
	}
	return statements, nil
}

// calls are the actions of the SDK's calls that are reached. A transaction needs those of what is in it.
func (r reached) calls() map[string]bool {
	found := map[string]bool{}
	for object := range r.objects {
		if call, ok := strings.CutPrefix(object, store+".API."); ok && call != "TransactWriteItems" {
			found[call] = true
		}
	}
	if !r.objects[store+".API.TransactWriteItems"] {
		return found
	}
	inTransactions := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
	r.literals(func(l *ast.CompositeLit, t types.Type) {
		if t == nil || !strings.HasSuffix(t.String(), "dynamodb/types.TransactWriteItem") {
			return
		}
		for _, e := range l.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				found[inTransactions[kv.Key.(*ast.Ident).Name]] = true
			}
		}
	})
	return found
}

// topicsOf allows a role what its producer and its consumer need of Kafka.
func (c Code) topicsOf(component string, r reached) ([]Statement, error) {
	write, read, group := map[string]bool{}, map[string]bool{}, ""
	for _, method := range r.handed(named(eventlog, "Producer")) {
		m, err := c.reach(eventlog, "Producer."+method)
		if err != nil {
			return nil, err
		}
		for field, topic := range producerTopics {
			if m.objects[eventlog+"."+field] {
				write[topic] = true
			}
		}
	}
	for options, owner := range map[string]struct{ path, function, group string }{
		"runtime/notify.Notifier.ConsumerOptions": {"runtime/notify", "Notifier.ConsumerOptions", "notify"},
		"runtime/project.Projector.Consumer":      {"runtime/project", "Projector.Consumer", "project"},
		"runtime/audit.Auditor.Consumer":          {"runtime/audit", "Auditor.Consumer", "audit"},
		"runtime/analytics.Analyst.Consumer":      {"runtime/analytics", "Analyst.Consumer", "analytics"},
		"runtime/verdicts.Applier.Consumer":       {"runtime/verdicts", "Applier.Consumer", "verdicts"},
		// A detector's group is called as it is.
		"runtime/moderate.Moderator.Consumer": {"runtime/moderate", "Moderator.Consumer", component},
	} {
		if !r.objects[options] {
			continue
		}
		o, err := c.reach(owner.path, owner.function)
		if err != nil {
			return nil, err
		}
		group = owner.group
		write[group+".dlq"] = true
		for constant, topic := range consumed {
			if o.objects[eventlog+"."+constant] {
				read[topic] = true
			}
		}
	}
	if len(write)+len(read) == 0 {
		return nil, nil
	}
	connect := setOf("Connect", "DescribeCluster")
	if len(write) > 0 {
		// An idempotent producer asks for an id.
		connect["WriteDataIdempotently"] = true
	}
	statements := []Statement{allow("Kafka", "kafka-cluster", connect, mskCluster)}
	resources := func(topics map[string]bool) (arns []string) {
		for _, t := range slices.Sorted(maps.Keys(topics)) {
			arns = append(arns, mskTopic+t)
		}
		return arns
	}
	if len(write) > 0 {
		statements = append(statements, allow("Produce", "kafka-cluster", setOf("DescribeTopic", "WriteData"), resources(write)...))
	}
	if len(read) > 0 {
		statements = append(statements,
			allow("Consume", "kafka-cluster", setOf("DescribeTopic", "ReadData"), resources(read)...),
			allow("Group", "kafka-cluster", setOf("AlterGroup", "DescribeGroup"), mskGroup+group))
	}
	return statements, nil
}
