package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
)

func with(name string, conditions ...string) Object {
	o := Object{Kind: "ChatCluster", Namespace: "chat", Name: name}
	for _, c := range conditions {
		kind, status, _ := strings.Cut(c, "=")
		o.Conditions = append(o.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status)})
	}
	return o
}

func listing(objects ...Object) List {
	return func(context.Context) ([]Object, error) { return objects, nil }
}

func TestConditions(t *testing.T) {
	cases := map[string]struct {
		reason string
		lists  []List
		limit  int
		want   string
	}{
		"States": {
			reason: "true is 1; false and unknown are 0",
			lists:  []List{listing(with("demo", "Ready=False", "Stalled=True", "CacheReady=Unknown"))}, limit: 10,
			want: `
				chatcluster_operator_condition{kind="ChatCluster",name="demo",namespace="chat",type="CacheReady"} 0
				chatcluster_operator_condition{kind="ChatCluster",name="demo",namespace="chat",type="Ready"} 0
				chatcluster_operator_condition{kind="ChatCluster",name="demo",namespace="chat",type="Stalled"} 1
				chatcluster_operator_conditions_dropped 0`,
		},
		"Bounded": {
			reason: "when there are too many, those that need somebody are told",
			lists:  []List{listing(with("a", "Ready=True", "CacheReady=True"), with("b", "Ready=False", "CacheReady=False"))}, limit: 3,
			want: `
				chatcluster_operator_condition{kind="ChatCluster",name="b",namespace="chat",type="CacheReady"} 0
				chatcluster_operator_condition{kind="ChatCluster",name="b",namespace="chat",type="Ready"} 0
				chatcluster_operator_conditions_dropped 2`,
		},
		"Silent": {
			reason: "half of the truth would resolve alerts",
			lists:  []List{listing(with("a", "Ready=True")), func(context.Context) ([]Object, error) { return nil, errors.New("no cache") }}, limit: 3,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := NewConditions(tc.lists...)
			c.limit = tc.limit
			if err := testutil.CollectAndCompare(c, strings.NewReader(described(tc.want))); err != nil {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}

func described(samples string) string {
	if samples == "" {
		return ""
	}
	return `# HELP chatcluster_operator_condition 1 while the condition is True, 0 while it is not.
# TYPE chatcluster_operator_condition gauge
# HELP chatcluster_operator_conditions_dropped Conditions that are not told, because there are too many.
# TYPE chatcluster_operator_conditions_dropped gauge
` + strings.TrimLeft(strings.ReplaceAll(samples, "\t", ""), "\n") + "\n"
}

type silent struct{}

func (silent) Observe(context.Context) (redis.Info, error) {
	return redis.Info{}, errors.New("wrong password")
}

type brokers struct{ kafka.Admin }

func (brokers) Topics(context.Context, ...string) (map[string]kafka.Topic, error) {
	return nil, context.DeadlineExceeded
}

func TestCalls(t *testing.T) {
	answers := map[string]string{
		"ListTables":    `{"TableNames": []}`,
		"DescribeTable": `{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no"}`,
		"DeleteTable":   `{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"}`,
		"CreateTable":   `{"__type": "com.amazonaws.dynamodb.v20120810#LimitExceededException", "message": "no"}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if operation != "ListTables" {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, answers[operation])
	}))
	defer server.Close()
	r := prometheus.NewPedanticRegistry()
	calls, err := NewCalls(r)
	if err != nil {
		t.Fatal(err)
	}
	api := dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		RetryMaxAttempts: 2, APIOptions: []func(*middleware.Stack) error{calls.AWS}, DisableValidateResponseChecksum: true,
	})
	ctx, table := t.Context(), aws.String("secret-name")
	_, _ = api.ListTables(ctx, &dynamodb.ListTablesInput{})
	_, _ = api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: table})
	_, _ = api.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: table})
	_, _ = api.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:            table,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
	})
	stopped, stop := context.WithCancel(ctx)
	stop()
	_, _ = api.ListTables(stopped, &dynamodb.ListTablesInput{})

	cache, err := calls.Redis(func(redis.Access) (redis.Cache, error) { return silent{}, nil })(redis.Access{})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = cache.Observe(ctx)
	admin, err := calls.Kafka(func(kafka.Access) (kafka.Admin, error) { return brokers{}, nil })(kafka.Access{})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = admin.Topics(ctx)

	want := map[string]uint64{
		"DynamoDB ListTables ok": 1, "DynamoDB ListTables canceled": 1, "DynamoDB DescribeTable not_found": 1, "DynamoDB DeleteTable denied": 1,
		"DynamoDB CreateTable error": 1, "Redis Observe error": 1, "Kafka Topics unreachable": 1,
	}
	if diff := cmp.Diff(want, counts(t, r)); diff != "" {
		t.Errorf("calls by service, operation and outcome (-want +got):\n%s", diff)
	}
}

// counts returns how many calls were noted, by their labels.
func counts(t *testing.T, r prometheus.Gatherer) map[string]uint64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]uint64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			found[labels["service"]+" "+labels["operation"]+" "+labels["outcome"]] = m.GetHistogram().GetSampleCount()
		}
	}
	return found
}
