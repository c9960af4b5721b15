package cli

import (
	"net/url"
	"os"
	"strings"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// testEnv is how the engine tests (-tags engines) find a world's engines. Passwords travel in the environment: it belongs to
// the command alone, and the world is on this machine.
func testEnv(w world.World) ([]string, error) {
	postgres, err := readSecret(w.Postgres.PasswordFile)
	if err != nil {
		return nil, err
	}
	redis, err := readSecret(w.Redis.PasswordFile)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword(w.Postgres.User, postgres), Host: w.Postgres.Address, Path: w.Postgres.Database,
		RawQuery: "sslmode=disable",
	}
	return []string{
		"CHATCLUSTER_TEST_DYNAMODB=" + w.DynamoDB.Endpoint,
		"CHATCLUSTER_TEST_KAFKA=" + w.Kafka.Address,
		"CHATCLUSTER_TEST_POSTGRES=" + dsn.String(),
		"CHATCLUSTER_TEST_REDIS=" + w.Redis.Address,
		"CHATCLUSTER_TEST_REDIS_PASSWORD=" + redis,
	}, nil
}

func readSecret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}
