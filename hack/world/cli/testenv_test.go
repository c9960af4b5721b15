package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

func TestTheEngineTestsFindTheirEngines(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	w := world.World{
		Postgres: world.Postgres{Address: "127.0.0.1:1", Database: "d", User: "u", PasswordFile: file("postgres", "p@ss/word\n")},
		Redis:    world.Redis{Address: "127.0.0.1:2", PasswordFile: file("redis", "hush\n")},
		Kafka:    world.Kafka{Address: "127.0.0.1:3"},
		DynamoDB: world.DynamoDB{Endpoint: "http://127.0.0.1:4"},
	}
	got, err := testEnv(w)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"CHATCLUSTER_TEST_DYNAMODB=http://127.0.0.1:4",
		"CHATCLUSTER_TEST_KAFKA=127.0.0.1:3",
		"CHATCLUSTER_TEST_POSTGRES=postgres://u:p%40ss%2Fword@127.0.0.1:1/d?sslmode=disable",
		"CHATCLUSTER_TEST_REDIS=127.0.0.1:2",
		"CHATCLUSTER_TEST_REDIS_PASSWORD=hush",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.Redis.PasswordFile = filepath.Join(dir, "absent")
	if _, err := testEnv(w); err == nil {
		t.Error("a missing password was taken as an empty one")
	}
}
