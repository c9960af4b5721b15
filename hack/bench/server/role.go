package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// Everybody's AWS credentials and Region: DynamoDB Local asks for some.
const (
	awsKey    = "local"
	awsRegion = "local"
)

// RoleEnvironment is how a role beside the server gets its AWS credentials.
func RoleEnvironment() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + awsKey, "AWS_SECRET_ACCESS_KEY=" + awsKey, "AWS_EC2_METADATA_DISABLED=true"}
}

// roleConfig is the configuration of a role that runs beside the server, over the same engines. Detectors enforce what they find.
func (e Environment) roleConfig(name string, kafka config.Kafka, postgres config.Postgres, redis config.Redis) config.Config {
	enforce := func() *config.Detector { return &config.Detector{Mode: "Enforce"} }
	return config.Config{
		Cluster: "bench/" + name,
		AWS:     config.AWS{Region: awsRegion, Endpoints: config.Endpoints{DynamoDB: e.DynamoDB}},
		Auth: config.Auth{Issuers: []config.Issuer{{
			Tenant: string(Tenant), Issuer: Issuer, Audience: Audience, JWKSURL: Issuer + issuer.JWKSPath,
		}}},
		DynamoDB: config.DynamoDB{TablePrefix: name + "-", HotRetention: config.Duration{Duration: hotRetention}},
		Kafka:    kafka, Postgres: postgres, Redis: redis,
		// What follows is of other roles, and required of every configuration.
		Push:       config.Push{ApplicationID: name, Delay: config.Duration{Duration: 10 * time.Second}},
		Gateway:    config.Gateway{DrainPeriod: config.Duration{Duration: time.Second}, MaxConnections: maxConnections},
		Chat:       config.Chat{Service: "bench.invalid:7400"},
		Processors: config.Processors{Spam: enforce(), Profanity: enforce(), Fraud: enforce()},
	}
}

// serveConfig tells c, as a role's configuration file has it: passwords are in files that it names.
func serveConfig(c config.Config) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(c)
	}
}
