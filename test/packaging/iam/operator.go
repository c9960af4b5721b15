package iam

import (
	"fmt"
	"maps"
	"strings"
)

// kafkaActions are what MSK asks for each call of the admin client.
var kafkaActions = map[string][]string{
	"ListTopics":           {"DescribeTopic"},
	"DescribeTopicConfigs": {"DescribeTopicDynamicConfiguration"},
	"CreateTopic":          {"CreateTopic"},
	"UpdatePartitions":     {"AlterTopic"},
	"AlterTopicConfigs":    {"AlterTopicDynamicConfiguration"},
	"DeleteTopics":         {"DeleteTopic"},
	// Where principals authenticate by IAM there are no ACLs to keep: these are for SASL/SCRAM and TLS.
	"DescribeACLs": nil,
	"CreateACLs":   nil,
	"DeleteACLs":   nil,
}

// setUp are calls of the admin client that send nothing.
var setUp = map[string]bool{"SetTimeoutMillis": true}

// operator makes the policy of the operator.
func (c Code) operator() (Policy, error) {
	tableCalls, err := c.methods("controllers/external/dynamodb", "API")
	if err != nil {
		return Policy{}, err
	}
	push, err := c.pushCalls()
	if err != nil {
		return Policy{}, err
	}
	tenants, err := c.methods("runtime/store", "Tenants")
	if err != nil {
		return Policy{}, err
	}
	records, err := c.tablesFor(tenants)
	if err != nil {
		return Policy{}, err
	}
	topics, err := c.adminCalls()
	if err != nil {
		return Policy{}, err
	}
	// What takes away is allowed for what this operator made.
	away := map[string]bool{}
	for call := range push {
		if strings.HasPrefix(call, "Delete") || strings.HasPrefix(call, "Untag") {
			away[call] = true
			delete(push, call)
		}
	}
	takeAway := allow("TakeAwayPushApplications", "mobiletargeting", away, applications+"/*")
	takeAway.Condition = map[string]map[string]string{"StringEquals": {ownerTag: operatorName}}
	statements := []Statement{allow("Tables", "dynamodb", setOf(tableCalls...), dynamoDB+"*")}
	for _, r := range records {
		// Of every ChatCluster's.
		for i := range r.Resource {
			r.Resource[i] = strings.Replace(r.Resource[i], prefix, prefix+"*", 1)
		}
		statements = append(statements, r)
	}
	statements = append(statements,
		allow("PushApplications", "mobiletargeting", push, applications, applications+"/*"),
		takeAway,
		allow("Kafka", "kafka-cluster", setOf("Connect", "DescribeCluster"), mskCluster),
		allow("Topics", "kafka-cluster", topics, mskTopic+"*"),
		allow("Cache", "elasticache", setOf("Connect"), cache, cacheUser))
	if c.imports("controllers/external/awsclient", "github.com/aws/aws-sdk-go-v2/credentials/stscreds") {
		statements = append(statements, allow("Roles", "sts", setOf("AssumeRole"), roles))
	}
	return document(statements...), nil
}

// pushCalls are the calls of Pinpoint: the SDK's that are in the operator's interface, and those that its own methods make.
func (c Code) pushCalls() (map[string]bool, error) {
	const path, sdk = "controllers/external/pinpoint", "github.com/aws/aws-sdk-go-v2/service/pinpoint.Client."
	methods, err := c.methods(path, "API")
	if err != nil {
		return nil, err
	}
	calls := map[string]bool{}
	for _, method := range methods {
		m, err := c.reach(path, "Client."+method)
		if err != nil {
			calls[method] = true // Client embeds the SDK's
			continue
		}
		made := 0
		for object := range m.objects {
			if call, ok := strings.CutPrefix(object, sdk); ok {
				calls[call] = true
				made++
			}
		}
		if made == 0 {
			return nil, fmt.Errorf("%s.Client.%s calls nothing: it is not understood", path, method)
		}
	}
	return calls, nil
}

// adminCalls are the actions for what the operator's Kafka client calls.
func (c Code) adminCalls() (map[string]bool, error) {
	const path = "controllers/external/kafka"
	found := map[string]bool{}
	methods, err := c.methods(path, "Admin")
	if err != nil {
		return nil, err
	}
	for _, method := range methods {
		m, err := c.reach(path, "Client."+method)
		if err != nil {
			return nil, err
		}
		for object := range m.objects {
			call, ok := strings.CutPrefix(object, "github.com/twmb/franz-go/pkg/kadm.Client.")
			if !ok || setUp[call] {
				continue
			}
			actions, ok := kafkaActions[call]
			if !ok {
				return nil, fmt.Errorf("%s calls kadm's %s, for which no action of MSK is known here", path, call)
			}
			maps.Copy(found, setOf(actions...))
		}
	}
	return found, nil
}

func (c Code) imports(path, imported string) bool {
	p, ok := c[path]
	return ok && p.Imports[imported] != nil
}
