package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// What a login needs is mounted under the paths that the configuration names, and chatd accepts it.
func TestLogins(t *testing.T) {
	const dir = "/var/run/secrets/chatcluster/"
	cases := map[string]struct {
		reason   string
		change   func(*v1alpha1.ChatClusterSpec)
		kafka    config.Kafka
		postgres config.Postgres
		redis    config.Redis
		role     string
		mounts   map[string]string // file → Secret/key
	}{
		"IAM": {
			reason: "an identity has no files",
			change: func(s *v1alpha1.ChatClusterSpec) {
				s.AWS.AssumeRoleARN = "arn:aws:iam::1:role/chat"
				s.MSK.Authentication.Type = v1alpha1.AuthenticationIAM
				s.Aurora.Authentication, s.Aurora.PasswordSecret = v1alpha1.AuthenticationIAM, v1alpha1.SecretKey{}
				e := &s.ElastiCache
				e.Authentication, e.Username, e.CacheName, e.Serverless = v1alpha1.AuthenticationIAM, "chatd", "cache-1", true
			},
			kafka: config.Kafka{Mechanism: "AWS_MSK_IAM"}, postgres: config.Postgres{IAM: true, SSLMode: "require"},
			redis: config.Redis{IAM: true, User: "chatd", CacheName: "cache-1", Serverless: true}, role: "op/chat",
			mounts: map[string]string{},
		},
		"Secrets": {
			reason: "each Secret has its file",
			change: func(s *v1alpha1.ChatClusterSpec) {
				s.MSK.CASecret = v1alpha1.SecretKey{Name: "ca", Key: "ca.crt"}
				s.MSK.Authentication = v1alpha1.KafkaAuthentication{Type: v1alpha1.AuthenticationSCRAM, SCRAM: &v1alpha1.KafkaSCRAM{
					Username: "chatd", Mechanism: "SCRAM-SHA-512", PasswordSecret: v1alpha1.SecretKey{Name: "kafka", Key: "password"},
				}}
				s.Aurora.SSLMode, s.Aurora.CASecret = "verify-full", v1alpha1.SecretKey{Name: "rds", Key: "ca.crt"}
				s.ElastiCache.CASecret = v1alpha1.SecretKey{Name: "ca", Key: "ca.crt"}
			},
			kafka:    config.Kafka{Mechanism: "SCRAM-SHA-512", User: "chatd", PasswordFile: dir + "kafka-password", CAFile: dir + "kafka-ca.crt"},
			postgres: config.Postgres{PasswordFile: dir + "postgres-password", SSLMode: "verify-full", CAFile: dir + "postgres-ca.crt"},
			redis:    config.Redis{CAFile: dir + "redis-ca.crt"},
			mounts: map[string]string{
				"kafka-password": "kafka/password", "kafka-ca.crt": "ca/ca.crt", "postgres-password": "pg/password",
				"postgres-ca.crt": "rds/ca.crt", "redis-ca.crt": "ca/ca.crt",
			},
		},
		"Certificate": {
			reason: "a certificate comes with its key",
			change: func(s *v1alpha1.ChatClusterSpec) {
				s.MSK.Authentication = v1alpha1.KafkaAuthentication{Type: v1alpha1.AuthenticationMTLS, MTLS: &v1alpha1.KafkaMTLS{SecretName: "cert"}}
			},
			kafka:    config.Kafka{CertFile: dir + "kafka.crt", KeyFile: dir + "kafka.key"},
			postgres: config.Postgres{PasswordFile: dir + "postgres-password", SSLMode: "require"},
			mounts:   map[string]string{"kafka.crt": "cert/tls.crt", "kafka.key": "cert/tls.key", "postgres-password": "pg/password"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := testCluster()
			c.ExternalID = "op/chat"
			tc.change(&c.Spec)
			cm, err := c.ConfigMap()
			if err != nil {
				t.Fatal(err)
			}
			got, err := config.Parse([]byte(cm.Data["config.yaml"]))
			if err != nil {
				t.Fatalf("%s: chatd refuses it: %v", tc.reason, err)
			}
			logins := func(k config.Kafka, p config.Postgres, r config.Redis, externalID string) []any {
				return []any{
					[]string{k.Mechanism, k.User, k.PasswordFile, k.CAFile, k.CertFile, k.KeyFile},
					[]any{p.IAM, p.PasswordFile, p.CAFile, p.SSLMode}, []any{r.IAM, r.User, r.PasswordFile, r.CAFile, r.CacheName, r.Serverless}, externalID,
				}
			}
			if diff := cmp.Diff(logins(tc.kafka, tc.postgres, tc.redis, tc.role), logins(got.Kafka, got.Postgres, got.Redis, got.AWS.ExternalID)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			mounts := map[string]string{}
			for _, f := range c.Secrets() {
				mounts[f.path] = f.Name + "/" + f.Key
			}
			if diff := cmp.Diff(tc.mounts, mounts); diff != "" {
				t.Errorf("%s: mounted (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
