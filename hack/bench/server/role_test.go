package server

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/config"
)

func TestTheConfigurationOfRolesIsOne(t *testing.T) {
	e := Environment{DynamoDB: "http://127.0.0.1:8000"}
	given := e.roleConfig("bench0", config.Kafka{Brokers: []string{"127.0.0.1:9092"}, TopicPrefix: "bench0."},
		config.Postgres{Host: "127.0.0.1", Port: 5432, Database: "bench0", User: "bench", PasswordFile: "postgres", SSLMode: "disable"},
		config.Redis{Addresses: []string{"127.0.0.1:6379"}, PasswordFile: "redis", KeyPrefix: "bench0:"})
	told := httptest.NewRecorder()
	serveConfig(given)(told, httptest.NewRequest(http.MethodGet, "/config", http.NoBody))
	got, err := config.Parse(told.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.Kafka.TopicPrefix != "bench0." || got.DynamoDB.TablePrefix != "bench0-" || got.Redis.KeyPrefix != "bench0:" || got.Postgres.Database != "bench0" {
		t.Errorf("it is another stage's: %+v", got)
	}
	var detectors []string
	for name, d := range got.Processors.By() {
		if d.Mode == "Enforce" {
			detectors = append(detectors, name)
		}
	}
	slices.Sort(detectors)
	if want := []string{"fraud", "profanity", "spam"}; !slices.Equal(detectors, want) {
		t.Errorf("%v enforce, want %v", detectors, want)
	}
}
