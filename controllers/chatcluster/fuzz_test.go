package chatcluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// fuzzRounds is how many ChatClusters are made up, and fuzzSeed how the first of them comes about: a failure comes back.
const fuzzRounds, fuzzSeed = 8, 1

// fuzz makes things up that the API takes.
type fuzz struct{ *rand.Rand }

func (f fuzz) maybe(change func()) {
	if f.IntN(2) == 0 {
		change()
	}
}

func pick[T any](f fuzz, from ...T) T { return from[f.IntN(len(from))] }

// quantities are written in ways that mean the same as a shorter one.
func (f fuzz) resources() *corev1.ResourceRequirements {
	cpu, memory := pick(f, "100m", "0.25", "1", "1500m", "1e0"), pick(f, "128Mi", "134217728", "0.5Gi", "200M", "1024Ki")
	r := &corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(pick(f, "1Gi", "1024Mi", "2e9"))},
	}
	f.maybe(func() { r.Limits[corev1.ResourceCPU] = resource.MustParse(pick(f, "2", "2000m", "3.5")) })
	return r
}

func (f fuzz) labels(prefix string) map[string]string {
	labels := map[string]string{}
	for range f.IntN(4) {
		labels[fmt.Sprintf("%s%d", prefix, f.IntN(9))] = pick(f, "", "a", "a.b-c_D", strings.Repeat("x", 63))
	}
	return labels
}

func (f fuzz) settings(t *testing.T) v1alpha1.PodSettings {
	var s v1alpha1.PodSettings
	f.maybe(func() { s = podSettings(t) })
	f.maybe(func() { s.PodTemplate.Labels = f.labels("example.com/l") })
	f.maybe(func() {
		s.PodTemplate.Annotations = map[string]string{"example.com/note": pick(f, "", " ", "ünïcode ✓", "one\ntwo", `{"json":"[1, 2]"}`)}
	})
	f.maybe(func() { s.PodTemplate.NodeSelector = f.labels("node") })
	f.maybe(func() {
		s.PodTemplate.Tolerations = []corev1.Toleration{
			{Key: "a", Operator: corev1.TolerationOpEqual, Value: "b", Effect: corev1.TaintEffectNoSchedule},
			{Key: "c", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr.To(int64(f.IntN(2)))},
			{Key: "d"},
		}[:f.IntN(4)]
	})
	f.maybe(func() {
		s.PodTemplate.Env = append(s.PodTemplate.Env, podPart(t, pick(f, `{name: EMPTY, value: ""}`, `{name: EMPTY}`, `{name: EMPTY, value: "0"}`)))
	})
	return s
}

func (f fuzz) consumer() *v1alpha1.ConsumerAutoscaling {
	a := &v1alpha1.ConsumerAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 3 + f.Int32N(5)}}
	f.maybe(func() { a.MinReplicas = ptr.To(1 + f.Int32N(3)) })
	f.maybe(func() { a.TargetLag = ptr.To(1 + f.Int64N(10_000)) })
	return a
}

func (f fuzz) processor(t *testing.T) v1alpha1.ProcessorSpec {
	p := v1alpha1.ProcessorSpec{PodSettings: f.settings(t)}
	f.maybe(func() { p.Resources = f.resources() })
	f.maybe(func() { p.Autoscaling = f.consumer() })
	return p
}

func (f fuzz) peers() []networkingv1.NetworkPolicyPeer {
	return []networkingv1.NetworkPolicyPeer{
		{NamespaceSelector: &metav1.LabelSelector{}},
		{PodSelector: &metav1.LabelSelector{MatchLabels: f.labels("p")}},
		{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}},
	}[:f.IntN(4)]
}

// spec changes a spec in many places at once.
func (f fuzz) spec(t *testing.T, s *v1alpha1.ChatClusterSpec) {
	f.maybe(func() { s.ImagePullPolicy = pick(f, "Always", "IfNotPresent", "Never") })
	f.maybe(func() { s.Gateway.Replicas = ptr.To(1 + f.Int32N(4)) })
	f.maybe(func() {
		s.Gateway.DrainPeriod = &metav1.Duration{Duration: time.Duration(1+f.IntN(600)) * 500 * time.Millisecond}
	})
	f.maybe(func() { s.Gateway.AllowedOrigins = []string{"https://chat.example", "https://*.chat.example"} })
	f.maybe(func() { s.Gateway.Resources = f.resources() })
	f.maybe(func() { s.Gateway.PodSettings = f.settings(t) })
	switch f.IntN(3) {
	case 0:
		s.Gateway.Exposure.Ingress = &v1alpha1.IngressExposure{Host: "chat.example", ClassName: pick(f, "", "nginx"), TLSSecretName: pick(f, "", "tls")}
	case 1:
		s.Gateway.Exposure.LoadBalancer = &v1alpha1.LoadBalancerExposure{Scheme: pick(f, "internal", "internet-facing")}
		f.maybe(func() { s.Gateway.Exposure.LoadBalancer.SourceRanges = []string{"10.0.0.0/8", "192.168.0.0/16"} })
	}
	f.maybe(func() { s.Chat.Resources = f.resources() })
	f.maybe(func() { s.Chat.PodSettings = f.settings(t) })
	f.maybe(func() {
		s.Chat.Autoscaling = &v1alpha1.Autoscaling{MaxReplicas: 4, TargetCPUPercent: ptr.To(1 + f.Int32N(99))}
	})
	f.maybe(func() { s.Notifications.Autoscaling = f.consumer() })
	f.maybe(func() { s.Projector.PodSettings = f.settings(t) })
	f.maybe(func() { s.Jobs = f.settings(t) })
	f.maybe(func() {
		s.Processors.Spam = &v1alpha1.SpamSpec{DetectorSpec: v1alpha1.DetectorSpec{ProcessorSpec: f.processor(t)}}
	})
	f.maybe(func() { s.Processors.Audit = &v1alpha1.AuditSpec{ProcessorSpec: f.processor(t)} })
	f.maybe(func() { s.Network.GatewayFrom = f.peers() })
	f.maybe(func() { s.Network.MetricsFrom = f.peers() })
	f.maybe(func() { s.Network.Policies = ptr.To(f.IntN(2) == 0) })
	f.maybe(func() { s.InternalTLS.Enabled = ptr.To(f.IntN(2) == 0) })
	f.maybe(func() {
		s.Telemetry.OTLPEndpoint, s.Telemetry.SampleRatio = "http://otel:4317", pick(f, "0", "1.0", "0.25")
	})
	f.maybe(func() { s.AWS.Tags = []v1alpha1.Tag{{Key: "team", Value: pick(f, "", "chat")}, {Key: "b", Value: "c"}} })
	f.maybe(func() { s.MSK.TopicConfigs = map[string]v1alpha1.TopicConfigValue{"max.message.bytes": "2000000"} })
}

// What is applied twice is written once, whatever it is: the ChatCluster that a user applies, and every child that the operator makes
// of it, even by an operator that remembers nothing.
func TestWhatIsAppliedTwiceIsWrittenOnce(t *testing.T) {
	for round := range fuzzRounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			w := newWorld(t)
			t.Logf("seed %d, round %d", fuzzSeed, round)
			cc := w.cluster(nil)
			fuzz{rand.New(rand.NewPCG(fuzzSeed, uint64(round)))}.spec(t, &cc.Spec) //nolint:gosec // what comes about is to come back
			w.applyTwice(cc)
			w.settleExposed()
			w.takeWrites()
			before := w.versions()
			if len(before) < 15 {
				t.Fatalf("only %d children: nothing is proven", len(before))
			}
			w.r.seen = newSeen()
			w.pass()
			if writes := w.takeOwnWrites(); len(writes) > 0 {
				t.Errorf("a pass over what is unchanged writes %v", writes)
			}
			w.r.Client = doubting{w.r.Client}
			w.pass()
			if n := len(w.takeOwnWrites()); n < len(before)*2/3 {
				t.Errorf("of %d children %d were applied again: nothing is proven", len(before), n)
			}
			for name, version := range w.versions() {
				if version != before[name] {
					t.Errorf("%s has version %s, had %q", name, version, before[name])
				}
			}
		})
	}
}

// applyTwice applies a ChatCluster as kubectl does, reads it, and applies it again as it was and as it was read.
func (w *world) applyTwice(cc *v1alpha1.ChatCluster) {
	w.t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(cc)
	if err != nil {
		w.t.Fatal(err)
	}
	wanted := &unstructured.Unstructured{Object: content}
	wanted.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ChatCluster"))
	unstructured.RemoveNestedField(wanted.Object, "status")
	unstructured.RemoveNestedField(wanted.Object, "metadata", "creationTimestamp")
	apply := func(o *unstructured.Unstructured) *v1alpha1.ChatCluster {
		err := admin.Apply(w.t.Context(), client.ApplyConfigurationFromUnstructured(o.DeepCopy()), client.FieldOwner("kubectl"))
		if err != nil {
			w.t.Fatal(err)
		}
		return w.get()
	}
	apply(wanted)
	first := apply(wanted) // the status's default, which a creation leaves out, is stored by the next write
	if again := apply(wanted); again.ResourceVersion != first.ResourceVersion {
		w.t.Errorf("applied again it is another (-first +again):\n%s", cmp.Diff(first, again))
	}
	read := &unstructured.Unstructured{}
	read.SetGroupVersionKind(wanted.GroupVersionKind())
	if err := admin.Get(w.t.Context(), w.key("demo"), read); err != nil {
		w.t.Fatal(err)
	}
	read.SetManagedFields(nil)
	unstructured.RemoveNestedField(read.Object, "status")
	if again := apply(read); again.Generation != first.Generation {
		w.t.Errorf("applied as it was read it has generation %d, had %d", again.Generation, first.Generation)
	}
}

// settleExposed settles a ChatCluster that may wait for a load balancer, which has an address at once.
func (w *world) settleExposed() {
	w.t.Helper()
	w.pass()
	service := &corev1.Service{}
	if err := admin.Get(w.t.Context(), w.key("demo-gateway-lb"), service); err == nil {
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "lb.example"}}
		if err := admin.Status().Update(w.t.Context(), service); err != nil {
			w.t.Fatal(err)
		}
	}
	w.settle()
}

// versions are those of the children, by kind and name.
func (w *world) versions() map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for kind := range CacheOptions() {
		for _, child := range w.childrenOf(kind) {
			found[fmt.Sprintf("%T %s", child, child.GetName())] = child.GetResourceVersion()
		}
	}
	return found
}

// doubting shows children as if something else had been applied: each is applied again.
type doubting struct{ client.Client }

func (d doubting) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if err := d.Client.Get(ctx, key, o, opts...); err != nil || contents(o) == nil {
		return err
	}
	whole, err := unpack(o)
	if err != nil {
		return err
	}
	annotations := whole.GetAnnotations()
	delete(annotations, annotationApplied)
	whole.SetAnnotations(annotations)
	if err := seal(whole.(packable)); err != nil {
		return err
	}
	o.SetSelfLink(whole.GetSelfLink())
	return nil
}
