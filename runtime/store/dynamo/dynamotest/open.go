package dynamotest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// Endpoint is the environment variable with the URL of the engine, such as http://127.0.0.1:8000.
const Endpoint = "CHATCLUSTER_TEST_DYNAMODB"

// Client returns a client of the engine under test. The test fails when there is none.
func Client(tb testing.TB) *dynamodb.Client {
	tb.Helper()
	endpoint := os.Getenv(Endpoint)
	if endpoint == "" {
		tb.Fatalf("%s is not set: these tests need a DynamoDB", Endpoint)
	}
	return dynamo.NewClient(aws.Config{
		Region: "local", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, endpoint)
}

// Open returns a client and the prefix of tables of the test's own, which are deleted after the test.
func Open(tb testing.TB) (client *dynamodb.Client, prefix string) {
	tb.Helper()
	client, prefix = Client(tb), "test-"+uuid.NewString()[:8]+"-"
	if err := EnsureTables(tb.Context(), client, prefix); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := DeleteTables(ctx, client, prefix); err != nil {
			tb.Errorf("clean up: %v", err)
		}
	})
	return client, prefix
}
