package chatcluster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

// The operator logs in as the pods do.
func TestLogins(t *testing.T) {
	scram := func(s *v1alpha1.ChatClusterSpec) {
		s.MSK.Authentication = v1alpha1.KafkaAuthentication{
			Type: v1alpha1.AuthenticationSCRAM, SCRAM: &v1alpha1.KafkaSCRAM{Username: "chatd", PasswordSecret: v1alpha1.SecretKey{Name: "kafka"}},
		}
		s.MSK.CASecret.Name = "ca"
		s.MSK.ACLPrincipals = []string{"User:chatd"}
		s.ElastiCache.CASecret.Name, s.ElastiCache.PasswordSecret = "ca", &v1alpha1.SecretKey{Name: "kafka"}
	}
	mtls := func(s *v1alpha1.ChatClusterSpec) {
		s.MSK.Authentication = v1alpha1.KafkaAuthentication{Type: v1alpha1.AuthenticationMTLS, MTLS: &v1alpha1.KafkaMTLS{SecretName: "cert"}}
	}
	iam := func(s *v1alpha1.ChatClusterSpec) {
		s.MSK.Authentication.Type = v1alpha1.AuthenticationIAM
		e := &s.ElastiCache
		e.Authentication, e.Username, e.CacheName = v1alpha1.AuthenticationIAM, "chatd", "cache-1"
	}
	who := awsclient.Access{Region: "eu-central-1"}
	cases := map[string]struct {
		spec      func(*v1alpha1.ChatClusterSpec)
		wantKafka kafka.Access
		wantRedis redis.Access
		lacks     string // the Secret that the message names while none is there
	}{
		"SCRAM": {
			spec: scram, lacks: `ca with key "ca.crt"`,
			wantKafka: kafka.Access{TLS: true, CA: "CA", Mechanism: dial.SCRAMSHA512, User: "chatd", Password: "hunter2"},
			wantRedis: redis.Access{TLS: true, CA: "CA", Password: "hunter2"},
		},
		"MTLS": {
			spec: mtls, lacks: `cert with key "tls.crt"`,
			wantKafka: kafka.Access{TLS: true, Cert: "C", Key: "K"}, wantRedis: redis.Access{TLS: true},
		},
		"IAM": {
			spec:      iam,
			wantKafka: kafka.Access{TLS: true, Mechanism: dial.MSKIAM, AWS: who},
			wantRedis: redis.Access{TLS: true, Username: "chatd", CacheName: "cache-1", AWS: who},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var gotRedis redis.Access
			w.r.External.Redis = func(a redis.Access) (redis.Cache, error) { gotRedis = a; return pinger{w}, nil }
			w.create(tc.spec)
			if tc.lacks != "" {
				w.pass()
				if c := w.condition(v1alpha1.ConditionTopicsReady); c.Reason != v1alpha1.ReasonPending || !strings.Contains(c.Message, tc.lacks) {
					t.Errorf("nobody says which Secret is missing: %+v", c)
				}
			}
			w.put("ca", map[string]string{"ca.crt": "CA\n"})
			w.put("kafka", map[string]string{"password": "hunter2\n"})
			w.put("cert", map[string]string{"tls.crt": "C", "tls.key": "K"})
			w.settle()
			unexported := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".brokers" || p.Last().String() == ".addresses" }, cmp.Ignore())
			if diff := cmp.Diff(tc.wantKafka, w.kafka.access, unexported, cmp.AllowUnexported(kafka.Access{})); diff != "" {
				t.Errorf("Kafka (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantRedis, gotRedis, unexported, cmp.AllowUnexported(redis.Access{})); diff != "" {
				t.Errorf("Redis (-want +got):\n%s", diff)
			}
			for _, c := range w.get().Status.Conditions {
				if strings.Contains(c.Message, "hunter2") {
					t.Errorf("a condition holds a password: %+v", c)
				}
			}
			if name != "SCRAM" {
				return
			}
			if w.kafka.rights["User:chatd"] == 0 {
				t.Error("the principal got no rights")
			}
			// A rotated password is used at the next look, without a word from anybody.
			w.put("kafka", map[string]string{"password": "rotated"})
			w.pass()
			if w.kafka.access.Password != "rotated" || gotRedis.Password != "rotated" {
				t.Error("the old password is still used")
			}
			if got := w.get().Status.Cache.Version; got != "7.1.0" {
				t.Errorf("status.cache.version is %q", got)
			}
		})
	}
}

// What a profile does not let be changed is said at creation alone, and what the user did not name is nobody's.
func TestWantedTopics(t *testing.T) {
	cases := map[string]struct {
		reason            string
		msk               func(*v1alpha1.MSKSpec)
		configs, initials map[string]string
	}{
		"Plain": {
			reason: "only what correctness depends on", configs: map[string]string{"cleanup.policy": "delete"}, initials: kafka.Retention(defaultTopicRetention),
		},
		"Named": {
			reason: "and what the user named",
			msk: func(m *v1alpha1.MSKSpec) {
				m.Retention, m.TopicConfigs = duration(time.Hour), map[string]v1alpha1.TopicConfigValue{"compression.type": "lz4"}
			},
			configs:  map[string]string{"cleanup.policy": "delete", "retention.ms": "3600000", "compression.type": "lz4"},
			initials: kafka.Retention(defaultTopicRetention),
		},
		"Serverless": {
			reason: "the policy is taken at creation only", msk: func(m *v1alpha1.MSKSpec) { m.Profile = v1alpha1.ProfileServerless },
			configs: map[string]string{}, initials: map[string]string{"cleanup.policy": "delete", "retention.ms": "604800000"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := &world{namespace: "x"}
			cc := w.cluster(func(s *v1alpha1.ChatClusterSpec) {
				if tc.msk != nil {
					tc.msk(&s.MSK)
				}
			})
			s := &scope{cc: cc, spec: effective(cc)}
			got := s.wantedTopics()[0]
			if diff := cmp.Diff(tc.configs, got.Configs); diff != "" {
				t.Errorf("%s: enforced (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.initials, got.InitialConfigs); diff != "" {
				t.Errorf("%s: at creation (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
