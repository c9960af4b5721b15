package chatcluster

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func TestOutages(t *testing.T) {
	cases := map[string]struct {
		reason    string
		spec      func(*v1alpha1.ChatClusterSpec)
		arrange   func(*world)
		condition string
		want      string
		says      string
		stalled   bool
		rollsOut  bool
	}{
		"KafkaDown": {
			reason:    "a service that is down may come back",
			arrange:   func(w *world) { w.kafka.err = fault.Transient(v1alpha1.ReasonUnreachable, "Kafka did not answer") },
			condition: v1alpha1.ConditionTopicsReady, want: v1alpha1.ReasonUnreachable,
		},
		"CacheDown": {
			reason:    "without a cache the chat is slower, never wrong: it is rolled out",
			arrange:   func(w *world) { w.ping = func() error { return fault.Transient(v1alpha1.ReasonUnreachable, "down") } },
			condition: v1alpha1.ConditionCacheReady, want: v1alpha1.ReasonUnreachable, rollsOut: true,
		},
		"PinpointDenied": {
			reason: "permissions are granted by a person; the chat runs without pushes meanwhile",
			arrange: func(w *world) {
				w.pinpoint.Before = func(string) error { return fault.Terminal(v1alpha1.ReasonAccessDenied, "no") }
			},
			condition: v1alpha1.ConditionPushReady, want: v1alpha1.ReasonAccessDenied, stalled: true, rollsOut: true,
		},
		"NoSecret": {
			reason:    "a Secret may be on its way",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.Aurora.PasswordSecret.Name = "later" },
			condition: v1alpha1.ConditionSchemaReady, want: v1alpha1.ReasonPending,
		},
		"NoCacheSecret": {
			reason:    "the migration's pod mounts every Secret: without one it would hang until its deadline, and then for ten minutes more",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.ElastiCache.PasswordSecret = &v1alpha1.SecretKey{Name: "later"} },
			condition: v1alpha1.ConditionSchemaReady, want: v1alpha1.ReasonPending,
		},
		"NoSecretKey": {
			reason:    "a key may be on its way, and the roles say which",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.Aurora.PasswordSecret.Key = "later" },
			condition: v1alpha1.ConditionGatewayReady, want: v1alpha1.ReasonPending, says: `/pg with key "later"`,
		},
		"Endpoints": {
			reason:    "another endpoint gets the operator's requests: its own configuration must allow it",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.AWS.Endpoints.DynamoDB = "http://169.254.169.254" },
			condition: v1alpha1.ConditionTablesReady, want: v1alpha1.ReasonNotAllowed, stalled: true,
		},
		"Issuer": {
			reason:    "keys over plain HTTP can be anyone's",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.Auth.Issuers[0].JWKSURL = "http://id.example/jwks" },
			condition: v1alpha1.ConditionGatewayReady, want: v1alpha1.ReasonNotAllowed, stalled: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tc.arrange != nil {
				tc.arrange(w)
			}
			w.create(tc.spec)
			for range 8 {
				// The error only tells the queue to come back: the status tells people.
				_, _ = w.reconcile()
				w.dynamo.Settle()
				w.endMigration(`{"current":3,"target":3}`, true)
				w.startPods()
			}
			cc := w.get()
			if c := w.condition(tc.condition); c.Status != metav1.ConditionFalse || c.Reason != tc.want || !strings.Contains(c.Message, tc.says) {
				t.Errorf("%s: %s", tc.reason, explainConditions(cc))
			}
			if got := meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionStalled); got != tc.stalled {
				t.Errorf("%s: stalled %v", tc.reason, got)
			}
			err := admin.Get(t.Context(), w.key("demo-gateway"), &corev1.ServiceAccount{})
			if err != nil {
				t.Errorf("%s: phases after the failure did not run: %v", tc.reason, err)
			}
			for _, role := range cc.Status.Workloads {
				if role.Role == workload.RoleGateway && (w.gatewayExists()) != tc.rollsOut {
					t.Errorf("%s: rolled out %v", tc.reason, !tc.rollsOut)
				}
			}
		})
	}
}

func (w *world) gatewayExists() bool {
	w.t.Helper()
	list := w.deployments()
	return slices.Contains(list, "demo-gateway")
}

func TestNotOurs(t *testing.T) {
	t.Run("Service", func(t *testing.T) {
		w := newWorld(t)
		theirs := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-gateway"},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1234}}},
		}
		if err := admin.Create(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
		w.create(nil)
		w.pass()
		if c := w.condition(v1alpha1.ConditionStalled); c.Reason != v1alpha1.ReasonNotOwned || !strings.Contains(c.Message, "Service demo-gateway exists") {
			t.Errorf("nobody says that the name is taken: %s", explainConditions(w.get()))
		}
		var live corev1.Service
		if err := admin.Get(t.Context(), w.key("demo-gateway"), &live); err != nil || live.Spec.Ports[0].Port != 1234 {
			t.Errorf("somebody else's Service was changed: %+v, %v", live.Spec.Ports, err)
		}
	})
	t.Run("Claims", func(t *testing.T) {
		first, second := newWorld(t), newWorld(t)
		shared := func(s *v1alpha1.ChatClusterSpec) {
			s.MSK.BootstrapServers = []string{"shared." + first.namespace + ":9092"}
			s.MSK.TopicPrefix = "same."
		}
		first.create(shared)
		first.settle()
		second.create(shared)
		second.pass()
		older := first.get().CreationTimestamp
		if younger := second.get().CreationTimestamp; older.Equal(&younger) && first.get().UID > second.get().UID {
			first, second = second, first
			second.pass()
		}
		if c := second.condition(v1alpha1.ConditionTopicsReady); c.Reason != v1alpha1.ReasonClaimed || !strings.Contains(c.Message, first.namespace+"/demo") {
			t.Errorf("two ChatClusters share topics: %+v", c)
		}
	})
}
