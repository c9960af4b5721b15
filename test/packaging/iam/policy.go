package iam

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Policy is an IAM policy document.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on resources.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// JSON is the document as it is stored.
func (p Policy) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	return append(data, '\n'), err
}

// What stands in the policies for what an account, a Region and a ChatCluster fill in. IAM refuses a policy in which one is left.
const (
	prefix       = "${TABLE_PREFIX}"
	dynamoDB     = "arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/" + prefix
	applications = "arn:aws:mobiletargeting:${REGION}:${ACCOUNT}:apps"
	application  = applications + "/${APPLICATION_ID}"
	mskCluster   = "arn:aws:kafka:${REGION}:${ACCOUNT}:cluster/${MSK_CLUSTER}"
	mskTopic     = "arn:aws:kafka:${REGION}:${ACCOUNT}:topic/${MSK_CLUSTER}/${TOPIC_PREFIX}"
	mskGroup     = "arn:aws:kafka:${REGION}:${ACCOUNT}:group/${MSK_CLUSTER}/${TOPIC_PREFIX}"
	database     = "arn:aws:rds-db:${REGION}:${ACCOUNT}:dbuser:${AURORA_RESOURCE_ID}/${AURORA_USER}"
	cache        = "arn:aws:elasticache:${REGION}:${ACCOUNT}:replicationgroup:${REPLICATION_GROUP}"
	cacheUser    = "arn:aws:elasticache:${REGION}:${ACCOUNT}:user:${CACHE_USER}"
	bucket       = "arn:aws:s3:::${AUDIT_BUCKET}"
	// bucketObjects are all of a prefix: their names are made of tenants' ids and numbers.
	bucketObjects = bucket + "/${AUDIT_PREFIX}/*"
	roles         = "arn:aws:iam::${ACCOUNT}:role/${ROLE_PREFIX}*"
	ownerTag      = "aws:ResourceTag/chatcluster.io/operator"
	operatorName  = "${OPERATOR_NAME}"
)

// allow makes a statement of actions of one service, without doubles and in order. The zero Statement says that there are none.
func allow(sid, service string, actions map[string]bool, resources ...string) Statement {
	if len(actions) == 0 {
		return Statement{}
	}
	s := Statement{Sid: sid, Effect: "Allow", Resource: resources}
	for _, a := range slices.Sorted(maps.Keys(actions)) {
		s.Action = append(s.Action, service+":"+a)
	}
	return s
}

func setOf(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set
}

func document(statements ...Statement) Policy {
	return Policy{Version: "2012-10-17", Statement: slices.DeleteFunc(statements, func(s Statement) bool { return s.Effect == "" })}
}

// Policies returns the policy of each component.
func Policies(code Code) (map[string]Policy, error) {
	policies := map[string]Policy{}
	for _, role := range []struct{ name, run string }{
		{"gateway", "runGateway"}, {"chat", "runChat"}, {"notify", "runNotify"}, {"project", "runProject"}, {"audit", "runAudit"}, {"analytics", "runAnalytics"}, {"admin", "runAdmin"},
		{"spam", "detectorRole.run"}, {"profanity", "detectorRole.run"}, {"fraud", "detectorRole.run"},
		{"migrate", "migrateCommand"}, {"purge", "purgeCommand"},
	} {
		p, err := code.role(role.name, role.run)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", role.name, err)
		}
		policies[role.name] = p
	}
	operator, err := code.operator()
	if err != nil {
		return nil, fmt.Errorf("operator: %w", err)
	}
	policies["operator"] = operator
	return policies, nil
}
