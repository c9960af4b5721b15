package iam

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	root   = filepath.Join("..", "..", "..")
	update = flag.Bool("update", false, "write config/iam anew")
)

func load(t *testing.T) Code {
	t.Helper()
	code, err := Load(root, "cmd/chatd", "runtime/store", "runtime/store/dynamo", "runtime/eventlog", "runtime/notify", "runtime/project", "runtime/audit", "runtime/analytics", "runtime/admin", "runtime/moderate", "runtime/verdicts", "runtime/push/pinpoint",
		"controllers/external/dynamodb", "controllers/external/pinpoint", "controllers/external/kafka", "controllers/external/awsclient")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestPolicies(t *testing.T) {
	policies, err := Policies(load(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("AreCurrent", func(t *testing.T) {
		for component, policy := range policies {
			data, err := policy.JSON()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(root, "config", "iam", component+".json")
			if *update {
				if err := os.WriteFile(path, data, 0o644); err != nil { //nolint:gosec // It is a file of the repository.
					t.Fatal(err)
				}
			}
			stored, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(stored), string(data)); diff != "" {
				t.Errorf("%s does not allow what the code calls: run make iam (-stored +code):\n%s", path, diff)
			}
		}
	})
	t.Run("AreNoWider", func(t *testing.T) {
		for component, policy := range policies {
			for _, s := range policy.Statement {
				for _, a := range s.Action {
					// A purge looks for what no query finds.
					if strings.Contains(a, "*") || a == "dynamodb:Scan" && component != "purge" {
						t.Errorf("%s may %s", component, a)
					}
				}
				if slices.Contains(s.Resource, "*") {
					t.Errorf("%s may %v on everything", component, s.Action)
				}
				if component != "operator" && slices.ContainsFunc(s.Resource, func(r string) bool { return strings.HasSuffix(r, "*") && r != bucketObjects }) {
					t.Errorf("%s may %v on %v", component, s.Action, s.Resource)
				}
			}
		}
	})
	// What a person would check by hand, and would be woken by if it were wrong.
	t.Run("SayWhatEachRoleDoes", func(t *testing.T) {
		cases := map[string]struct {
			reason, component, action, resource string
			want                                bool
		}{
			"ChatAppends":          {"a batch is one conditional put", "chat", "dynamodb:PutItem", dynamoDB + "log", true},
			"ChatDrains":           {"the outbox is an index", "chat", "dynamodb:Query", dynamoDB + "log/index/outbox", true},
			"ChatPublishes":        {"batches go to Kafka", "chat", "kafka-cluster:WriteData", mskTopic + "log", true},
			"ChatTakesVerdicts":    {"it appends what processors say", "chat", "kafka-cluster:ReadData", mskTopic + "verdicts", true},
			"ChatMutes":            {"verdicts may mute", "chat", "dynamodb:PutItem", dynamoDB + "revocations", true},
			"ChatSaysNoVerdicts":   {"processors do", "chat", "kafka-cluster:WriteData", mskTopic + "verdicts", false},
			"SpamReadsTheLog":      {"it judges what was written", "spam", "kafka-cluster:ReadData", mskTopic + "log", true},
			"SpamSaysVerdicts":     {"they go by Kafka", "spam", "kafka-cluster:WriteData", mskTopic + "verdicts", true},
			"SpamHasNoLogTable":    {"it knows the topic alone", "spam", "dynamodb:Query", dynamoDB + "log", false},
			"FraudIsAGroup":        {"each detector is its own", "fraud", "kafka-cluster:AlterGroup", mskGroup + "fraud", true},
			"ChatConsumesNoLog":    {"it publishes that only", "chat", "kafka-cluster:ReadData", mskTopic + "log", false},
			"ChatHasNoReadModel":   {"history is the gateway's", "chat", "rds-db:connect", database, false},
			"GatewayReadsLogs":     {"a resume reads the log", "gateway", "dynamodb:Query", dynamoDB + "log", true},
			"GatewayNeverAppends":  {"only the chat service writes logs", "gateway", "dynamodb:PutItem", dynamoDB + "log", false},
			"GatewayRevokes":       {"revocations are told to it", "gateway", "dynamodb:PutItem", dynamoDB + "revocations", true},
			"NotifyPushes":         {"it sends pushes", "notify", "mobiletargeting:SendMessages", application + "/messages", true},
			"GatewayPushesNothing": {"nobody else does", "gateway", "mobiletargeting:SendMessages", application + "/messages", false},
			"ProjectConsumes":      {"it reads the log topic", "project", "kafka-cluster:ReadData", mskTopic + "log", true},
			"ProjectWritesNoLog":   {"it only raises tails", "project", "dynamodb:PutItem", dynamoDB + "log", false},
			"GatewayAudits":        {"it knows who signs in", "gateway", "kafka-cluster:WriteData", mskTopic + "audit", true},
			"AuditReadsAll":        {"membership is in the log", "audit", "kafka-cluster:ReadData", mskTopic + "log", true},
			"AuditLocks":           {"what is exported cannot be changed", "audit", "s3:PutObjectRetention", bucketObjects, true},
			"AuditDeletesNothing":  {"nor deleted", "audit", "s3:DeleteObject", bucketObjects, false},
			"AuditHasNoTables":     {"it knows the database alone", "audit", "dynamodb:Query", dynamoDB + "log", false},
			"AnalyticsCountsMarks": {"who reads is active", "analytics", "kafka-cluster:ReadData", mskTopic + "marks", true},
			"MigrateHasNoTables":   {"it knows the database alone", "migrate", "dynamodb:GetItem", dynamoDB + "log", false},
			"MigrateMigrates":      {"it logs in to the database", "migrate", "rds-db:connect", database, true},
			"OperatorMakesTables":  {"that is its work", "operator", "dynamodb:CreateTable", dynamoDB + "*", true},
			"OperatorReadsNobody":  {"it never reads what people write", "operator", "dynamodb:GetItem", dynamoDB + "*", false},
			"OperatorKeepsTenants": {"it writes tenants' records", "operator", "dynamodb:PutItem", dynamoDB + "*tenants", true},
			"OperatorSetsChannels": {"it brings the credentials of phones' platforms", "operator", "mobiletargeting:UpdateApnsChannel", applications + "/*", true},
			"OperatorAssumesRoles": {"a ChatCluster may name one", "operator", "sts:AssumeRole", roles, true},
			"PurgeAwaits":          {"what was published is to be seen before it goes", "purge", "kafka-cluster:DescribeGroup", mskGroup + "project", true},
			"PurgeAwaitsDetectors": {"they remember senders", "purge", "kafka-cluster:DescribeGroup", mskGroup + "spam", true},
			"PurgeReadsNoTopic":    {"how far they reach is enough", "purge", "kafka-cluster:ReadData", mskTopic + "log", false},
			"PurgeDeletesLogs":     {"a tenant's data goes for good", "purge", "dynamodb:BatchWriteItem", dynamoDB + "log", true},
			"GatewayDeletesNoLogs": {"nobody else does", "gateway", "dynamodb:BatchWriteItem", dynamoDB + "log", false},
			"OperatorMakesTopics":  {"that is its work", "operator", "kafka-cluster:CreateTopic", mskTopic + "*", true},
		}
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				got := slices.ContainsFunc(policies[tc.component].Statement, func(s Statement) bool {
					return slices.Contains(s.Action, tc.action) && slices.Contains(s.Resource, tc.resource)
				})
				if got != tc.want {
					t.Errorf("%s: %s may %s on %s: %t", tc.reason, tc.component, tc.action, tc.resource, got)
				}
			})
		}
	})
}
