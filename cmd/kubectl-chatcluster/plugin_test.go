package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files and the page anew")

// bench is a plugin on a fake API server; its clock moves only when it waits.
type bench struct {
	t        *testing.T
	c        client.WithWatch
	out, err bytes.Buffer
	now      time.Time
	// onWait happens whenever the plugin waits.
	onWait  func()
	metrics func(pod string) (string, error)
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		t: t, c: fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), now: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC),
		onWait: func() {}, metrics: func(string) (string, error) { return "", errors.New("no metrics") },
	}
}

func (b *bench) run(args ...string) int {
	b.t.Helper()
	b.out.Reset()
	b.err.Reset()
	p := &plugin{
		out: &b.out, err: &b.err, now: func() time.Time { return b.now },
		wait: func(_ context.Context, d time.Duration) error {
			b.now = b.now.Add(d)
			b.onWait()
			return nil
		},
		connect: func(f connectFlags) (*cluster, error) {
			namespace := f.namespace
			if namespace == "" {
				namespace = "chat"
			}
			return &cluster{Client: b.c, namespace: namespace, metrics: func(_ context.Context, _, pod string) ([]byte, error) {
				text, err := b.metrics(pod)
				return []byte(text), err
			}}, nil
		},
	}
	return p.run(b.t.Context(), args)
}

func (b *bench) get(name string) *v1alpha1.ChatCluster {
	b.t.Helper()
	cc := &v1alpha1.ChatCluster{}
	if err := b.c.Get(b.t.Context(), types.NamespacedName{Namespace: "chat", Name: name}, cc); err != nil {
		b.t.Fatal(err)
	}
	return cc
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // It is a file of the repository.
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-golden +printed):\n%s", path, diff)
	}
}

func chatCluster(name string, change func(*v1alpha1.ChatCluster)) *v1alpha1.ChatCluster {
	cc := &v1alpha1.ChatCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: name, Generation: 3, UID: types.UID(name)},
		Spec:       v1alpha1.ChatClusterSpec{Image: "chatcluster/chatd:2"},
		Status: v1alpha1.ChatClusterStatus{
			ObservedGeneration: 3, Image: "chatcluster/chatd:1", Endpoints: v1alpha1.EndpointsStatus{Gateway: "ws://demo-gateway.chat.svc/v1/ws"},
			Tables: []v1alpha1.TableStatus{{Name: "chat.log", State: "ACTIVE"}, {Name: "chat.devices", State: "CREATING"}},
			Topics: []v1alpha1.TopicStatus{{Name: "chat.log", Partitions: 16}},
		},
	}
	say(cc, v1alpha1.ConditionTablesReady, true, "2 tables are ACTIVE")
	say(cc, v1alpha1.ConditionTopicsReady, true, "1 topics exist")
	say(cc, v1alpha1.ConditionGatewayReady, true, "all pods are available")
	say(cc, v1alpha1.ConditionReady, true, "Serving")
	if change != nil {
		change(cc)
	}
	return cc
}

func say(cc *v1alpha1.ChatCluster, kind string, holds bool, message string) {
	status := metav1.ConditionFalse
	if holds {
		status = metav1.ConditionTrue
	}
	for i := range cc.Status.Conditions {
		if cc.Status.Conditions[i].Type == kind {
			cc.Status.Conditions[i].Status, cc.Status.Conditions[i].Message = status, message
			return
		}
	}
	cc.Status.Conditions = append(cc.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: "Any", Message: message})
}

func pod(name, role string, ready bool) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: name, Labels: map[string]string{
			"app.kubernetes.io/name": "chatcluster", "app.kubernetes.io/instance": "demo", "app.kubernetes.io/component": role,
			"app.kubernetes.io/managed-by": "chatcluster-operator",
		}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}},
	}
}

func rollingOut(cc *v1alpha1.ChatCluster) {
	say(cc, v1alpha1.ConditionTablesReady, false, "in progress: chat.devices (CREATING)")
	say(cc, v1alpha1.ConditionGatewayReady, false, "1 of 2 pods are available")
	say(cc, v1alpha1.ConditionReady, false, "TablesReady: in progress: chat.devices (CREATING)")
	say(cc, v1alpha1.ConditionReconciling, true, "TablesReady: in progress: chat.devices (CREATING)")
}

func unjudged(cc *v1alpha1.ChatCluster) {
	say(cc, v1alpha1.ConditionProcessorsReady, false, "spam: 0 of 1 pods are available")
	say(cc, v1alpha1.ConditionAdminReady, false, "admin: 0 of 1 pods are available")
	say(cc, v1alpha1.ConditionReady, false, "ProcessorsReady: spam: 0 of 1 pods are available")
}

func stalled(cc *v1alpha1.ChatCluster) {
	say(cc, v1alpha1.ConditionReady, false, "SchemaReady: migration failed: boom")
	say(cc, v1alpha1.ConditionStalled, true, "SchemaReady: migration failed: boom")
}

func TestStatus(t *testing.T) {
	pulling := pod("demo-gateway-2", "gateway", false)
	pulling.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image"},
	}}}
	pods := []client.Object{pod("demo-gateway-1", "gateway", true), pulling, pod("demo-chat-1", "chat", true),
		pod("demo-spam-1", "spam", false), pod("demo-audit-1", "audit", true), pod("demo-admin-1", "admin", false)}
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatCluster)
		args   []string
		code   int
	}{
		"ready":       {"all is well", nil, nil, 0},
		"waiting":     {"what is waited for shows, with its parts", rollingOut, nil, exitWaiting},
		"processors":  {"what runs where the spec names it shows, with its pods", unjudged, nil, exitWaiting},
		"stalled":     {"a person is needed, and a script can tell", stalled, nil, exitStalled},
		"unseen":      {"what the status says is about an older spec", func(cc *v1alpha1.ChatCluster) { cc.Generation = 4 }, nil, exitWaiting},
		"paused":      {"a pause is no failure, and not Ready", func(cc *v1alpha1.ChatCluster) { cc.Spec.Paused = true }, nil, exitWaiting},
		"planned":     {"a plan keeps the operator from acting", func(cc *v1alpha1.ChatCluster) { cc.Annotations = map[string]string{v1alpha1.AnnotationPlan: "true"} }, nil, exitWaiting},
		"json":        {"programs get the same facts", rollingOut, []string{"-o", "json"}, exitWaiting},
		"yaml":        {"programs get the same facts", stalled, []string{"-o", "yaml"}, exitStalled},
		"wait-vainly": {"a wait ends", rollingOut, []string{"--wait", "5s"}, exitTimedOut},
		"wait-stall":  {"waiting for what needs a person is in vain", stalled, []string{"--wait", "1h"}, exitStalled},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, append(pods, chatCluster("demo", tc.change))...)
			if code := b.run(append([]string{"status", "demo"}, tc.args...)...); code != tc.code {
				t.Errorf("%s: exit code %d, want %d", tc.reason, code, tc.code)
			}
			golden(t, "status-"+name, b.out.String()+b.err.String())
		})
	}
}

func TestStatusWaits(t *testing.T) {
	b := newBench(t, chatCluster("demo", rollingOut))
	waits := 0
	b.onWait = func() {
		if waits++; waits == 3 {
			cc := b.get("demo")
			cc.Status.Conditions = chatCluster("demo", nil).Status.Conditions
			if err := b.c.Update(t.Context(), cc); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code := b.run("status", "demo", "--wait", "1m"); code != 0 || waits != 3 {
		t.Errorf("exit code %d after %d waits: %s", code, waits, b.out.String())
	}
}

func TestStatusOfAll(t *testing.T) {
	b := newBench(t, chatCluster("demo", nil), chatCluster("new", rollingOut))
	if code := b.run("status"); code != 0 {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
	golden(t, "status-all", b.out.String())
	if code := b.run("status", "-n", "elsewhere"); code != 0 || b.out.String() != "No ChatClusters in namespace elsewhere.\n" {
		t.Errorf("exit code %d: %s", code, b.out.String())
	}
}

func TestPauseAndResume(t *testing.T) {
	argo := chatCluster("demo", func(cc *v1alpha1.ChatCluster) {
		cc.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "x"}
	})
	b := newBench(t, argo)
	if code := b.run("pause", "demo"); code != 0 || !b.get("demo").Spec.Paused {
		t.Errorf("exit code %d, not paused: %s", code, b.err.String())
	}
	golden(t, "pause", b.out.String()+b.err.String())
	if code := b.run("resume", "demo"); code != 0 || b.get("demo").Spec.Paused {
		t.Errorf("exit code %d, still paused: %s", code, b.err.String())
	}
	if b.get("demo").Spec.Image != "chatcluster/chatd:2" {
		t.Error("something else was changed, too")
	}
}

func TestReconcile(t *testing.T) {
	b := newBench(t, chatCluster("demo", nil))
	b.run("reconcile", "demo")
	first := b.get("demo").Annotations[v1alpha1.AnnotationReconcile]
	b.now = b.now.Add(time.Millisecond)
	if code := b.run("reconcile", "demo"); code != 0 || first == "" || b.get("demo").Annotations[v1alpha1.AnnotationReconcile] == first {
		t.Errorf("exit code %d: a second request looks like the first, %q: the operator would not obey it", code, first)
	}
}

func TestPlan(t *testing.T) {
	cases := map[string]struct {
		reason string
		plan   *v1alpha1.PlanStatus
		args   []string
		code   int
	}{
		"changes": {"what would be done, in order", &v1alpha1.PlanStatus{ObservedGeneration: 3, Changes: []string{"create table chat.log", "roll out chatd:2"}}, nil, 0},
		"nothing": {"an empty plan is an answer", &v1alpha1.PlanStatus{ObservedGeneration: 3}, nil, 0},
		"json":    {"programs get the same", &v1alpha1.PlanStatus{ObservedGeneration: 3, Changes: []string{"create table chat.log"}}, []string{"-o", "json"}, 0},
		"old":     {"a plan of an older spec is none", &v1alpha1.PlanStatus{ObservedGeneration: 2, Changes: []string{"x"}}, nil, exitTimedOut},
		"silent":  {"an operator that does not run plans nothing", nil, nil, exitTimedOut},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, chatCluster("demo", nil))
			b.onWait = func() {
				cc := b.get("demo")
				cc.Status.Plan = tc.plan
				if err := b.c.Update(t.Context(), cc); err != nil {
					t.Fatal(err)
				}
			}
			if code := b.run(append([]string{"plan", "demo"}, tc.args...)...); code != tc.code {
				t.Errorf("%s: exit code %d, want %d", tc.reason, code, tc.code)
			}
			golden(t, "plan-"+name, b.out.String()+b.err.String())
			if got := b.get("demo").Annotations[v1alpha1.AnnotationPlan]; got != "true" {
				t.Errorf("the operator was not asked: %q", got)
			}
			if code := b.run("plan", "demo", "--done"); code != 0 || len(b.get("demo").Annotations) != 0 {
				t.Errorf("the operator is still held back: exit code %d, %v", code, b.get("demo").Annotations)
			}
		})
	}
}

func chatTenant(namespace, name, cluster string, change func(*v1alpha1.ChatTenant)) *v1alpha1.ChatTenant {
	ct := &v1alpha1.ChatTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1},
		Spec:       v1alpha1.ChatTenantSpec{ClusterRef: v1alpha1.ClusterReference{Name: cluster}},
		Status: v1alpha1.ChatTenantStatus{ObservedGeneration: 1, ID: name, Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Message: "Serving"},
		}},
	}
	if change != nil {
		change(ct)
	}
	return ct
}

func TestTenants(t *testing.T) {
	b := newBench(t,
		chatTenant("chat", "acme", "demo", nil),
		chatTenant("chat", "late", "demo", func(ct *v1alpha1.ChatTenant) { ct.Spec.Suspended = true }),
		chatTenant("chat", "other", "second", func(ct *v1alpha1.ChatTenant) { ct.Status = v1alpha1.ChatTenantStatus{ObservedGeneration: -1} }),
		chatTenant("globex", "globex", "demo", func(ct *v1alpha1.ChatTenant) {
			ct.Spec.ClusterRef.Namespace, ct.Status.ID = "chat", ""
			ct.Status.Conditions = []metav1.Condition{
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Message: "the id is another's"},
				{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Message: "the id is another's"},
			}
		}),
	)
	for name, args := range map[string][]string{"namespace": nil, "cluster": {"demo"}, "everywhere": {"demo", "-A"}, "json": {"demo", "-o", "json"}, "none": {"third"}} {
		t.Run(name, func(t *testing.T) {
			if code := b.run(append([]string{"tenants"}, args...)...); code != 0 {
				t.Errorf("exit code %d: %s", code, b.err.String())
			}
			golden(t, "tenants-"+name, b.out.String())
		})
	}
}

func TestTop(t *testing.T) {
	migration := pod("demo-migrate-1", "migrate", true)
	migration.Labels[batchv1.JobNameLabel] = "demo-migrate"
	b := newBench(t, chatCluster("demo", nil), pod("demo-gateway-1", "gateway", true), pod("demo-gateway-2", "gateway", true), pod("demo-chat-1", "chat", true), migration)
	seconds := 0.0
	b.onWait = func() { seconds = 5 }
	b.metrics = func(pod string) (string, error) {
		common := fmt.Sprintf("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %g\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 1.048576e+08\n", 10+seconds/2)
		switch pod {
		case "demo-gateway-1":
			return common + fmt.Sprintf("# TYPE chatcluster_gateway_connections gauge\nchatcluster_gateway_connections 1234\n# TYPE chatcluster_gateway_send_results_total counter\n"+
				"chatcluster_gateway_send_results_total{code=\"ok\"} %g\nchatcluster_gateway_send_results_total{code=\"busy\"} %g\n", 100+50*seconds, 500*seconds), nil
		case "demo-chat-1":
			return common + fmt.Sprintf("# TYPE chatcluster_chat_batch_entries histogram\nchatcluster_chat_batch_entries_bucket{le=\"+Inf\"} 7\nchatcluster_chat_batch_entries_sum %g\nchatcluster_chat_batch_entries_count 7\n", 10+20*seconds), nil
		}
		return "", errors.New("connection refused")
	}
	for name, args := range map[string][]string{"table": nil, "json": {"-o", "json"}} {
		t.Run(name, func(t *testing.T) {
			seconds = 0
			if code := b.run(append([]string{"top", "demo"}, args...)...); code != 0 {
				t.Errorf("exit code %d: %s", code, b.err.String())
			}
			golden(t, "top-"+name, b.out.String())
		})
	}
	b.metrics = func(string) (string, error) { return "", errors.New("pods/proxy is forbidden") }
	if code := b.run("top", "demo"); code != exitFailed || !bytes.Contains(b.err.Bytes(), []byte("pods/proxy is forbidden")) {
		t.Errorf("exit code %d although nothing was read: %s", code, b.err.String())
	}
}

func TestExitCodes(t *testing.T) {
	b := newBench(t)
	cases := map[string]struct {
		reason string
		args   []string
		code   int
		says   string
	}{
		"Unknown":  {"no such command", []string{"statsu"}, exitUsage, "unknown command"},
		"Format":   {"no such format", []string{"status", "-o", "xml"}, exitUsage, "table, json and yaml"},
		"NoName":   {"which one?", []string{"pause"}, exitUsage, "accepts 1 arg"},
		"Missing":  {"there is none of that name", []string{"status", "nope"}, exitFailed, "not found"},
		"NoPatch":  {"there is none of that name", []string{"resume", "nope"}, exitFailed, "not found"},
		"NothTop":  {"there is none of that name", []string{"top", "nope"}, exitFailed, "not found"},
		"HelpFine": {"asking is no failure", []string{"--help"}, 0, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if code := b.run(tc.args...); code != tc.code || !bytes.Contains(b.err.Bytes(), []byte(tc.says)) {
				t.Errorf("%s: exit code %d, want %d: %s", tc.reason, code, tc.code, b.err.String())
			}
		})
	}
}
