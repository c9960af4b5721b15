package chatcluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func TestHolds(t *testing.T) {
	cases := map[string]struct {
		reason        string
		live, desired any
		want          bool
	}{
		"Defaults":     {"what the API server adds is no drift", map[string]any{"a": "x", "b": "y"}, map[string]any{"a": "x"}, true},
		"Changed":      {"a changed field is", map[string]any{"a": "z"}, map[string]any{"a": "x"}, false},
		"Removed":      {"a removed field is", map[string]any{}, map[string]any{"a": "x"}, false},
		"Zero":         {"a zero that is left out is none", map[string]any{}, map[string]any{"a": false, "b": map[string]any{}, "c": []any{}}, true},
		"ZeroRaised":   {"a zero that somebody raised is", map[string]any{"a": int64(3)}, map[string]any{"a": int64(0)}, false},
		"Numbers":      {"the type of a number does not matter", map[string]any{"a": float64(3)}, map[string]any{"a": int64(3)}, true},
		"NumberString": {"a number is not its text", map[string]any{"a": "3"}, map[string]any{"a": int64(3)}, false},
		"ByName": {"elements are matched by name, whatever the order, and others' are left",
			[]any{map[string]any{"name": "x", "v": "0"}, map[string]any{"name": "b", "v": "2"}, map[string]any{"name": "a", "v": "1"}},
			[]any{map[string]any{"name": "a", "v": "1"}, map[string]any{"name": "b", "v": "2"}}, true},
		"ByNameGone":  {"an element that went is drift", []any{map[string]any{"name": "b"}}, []any{map[string]any{"name": "a"}}, false},
		"Atomic":      {"a list without keys is one value", []any{"a", "b"}, []any{"a"}, false},
		"AtomicOrder": {"with an order", []any{"b", "a"}, []any{"a", "b"}, false},
		"Empty":       {"an empty list that is left out is no drift", nil, []any{}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var d drift
			d.compare("x", tc.live, tc.desired)
			if got := len(d) == 0; got != tc.want {
				t.Errorf("%s: got %v", tc.reason, got)
			}
		})
	}
}

func TestMigrationFacts(t *testing.T) {
	job := func(failed int32, kinds ...batchv1.JobConditionType) *batchv1.Job {
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "m"}, Spec: batchv1.JobSpec{BackoffLimit: ptr.To[int32](3)}, Status: batchv1.JobStatus{Failed: failed}}
		for _, k := range kinds {
			j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: k, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", Message: "too long"})
		}
		return j
	}
	ended := func(age time.Duration, exit int32, message string) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.Time{Time: time.Unix(1e9, 0).Add(-age)}},
			Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{ExitCode: exit, Reason: "Error", Message: message},
			}}}},
		}
	}
	waiting := corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"},
	}}}}}
	type want struct {
		Current, Target int64
		LastError       string
		Ready, Stalled  bool
	}
	cases := map[string]struct {
		reason   string
		job      *batchv1.Job
		pods     []corev1.Pod
		previous v1alpha1.SchemaStatus
		want     want
		says     string
	}{
		"Running":  {reason: "a Job that runs is on its way", job: job(0), want: want{}, says: "runs"},
		"Complete": {reason: "its pod says where it got", job: job(0, batchv1.JobComplete), pods: []corev1.Pod{ended(0, 0, `{"current":4,"target":4}`)}, want: want{Current: 4, Target: 4, Ready: true}},
		"PodGone": {reason: "what was read before is kept when the pod is gone", job: job(0, batchv1.JobComplete),
			previous: v1alpha1.SchemaStatus{Job: "m", Current: ptr.To[int64](4), Target: ptr.To[int64](4)}, want: want{Current: 4, Target: 4, Ready: true}},
		"Retrying": {reason: "the newest attempt speaks", job: job(2),
			pods: []corev1.Pod{ended(time.Minute, 1, `{"current":3,"target":4,"error":"new"}`), ended(time.Hour, 1, `{"error":"old"}`)},
			want: want{Current: 3, Target: 4, LastError: "new"}, says: "attempt 2 of 4 failed: new"},
		"Failed": {reason: "a failed Job needs a person", job: job(4, batchv1.JobFailed), pods: []corev1.Pod{ended(0, 1, `{"current":3,"target":4,"error":"boom"}`)},
			want: want{Current: 3, Target: 4, LastError: "boom", Stalled: true}, says: "boom"},
		"Deadline": {reason: "a Job that was stopped has no pod to ask", job: job(0, batchv1.JobFailed), want: want{LastError: "DeadlineExceeded: too long", Stalled: true}, says: "DeadlineExceeded"},
		"Crashed":  {reason: "without a message the kubelet's words must do", job: job(1), pods: []corev1.Pod{ended(0, 137, "")}, want: want{LastError: "exit code 137, Error."}, says: "137"},
		"Garbage":  {reason: "what is not JSON is shown as it is", job: job(1), pods: []corev1.Pod{ended(0, 2, "panic: x")}, want: want{LastError: "exit code 2, Error. panic: x"}, says: "panic"},
		"NoImage":  {reason: "a pod that cannot start says why", job: job(0), pods: []corev1.Pod{waiting}, want: want{}, says: "ImagePullBackOff"},
		"Other": {reason: "another migration's failure is not this one's", job: job(0),
			previous: v1alpha1.SchemaStatus{Job: "older", Current: ptr.To[int64](3), LastError: "old"}, want: want{Current: 3}, says: "runs"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, _, f := migrationFacts(tc.job, tc.pods, tc.previous, time.Minute)
			got := want{ptr.Deref(status.Current, 0), ptr.Deref(status.Target, 0), status.LastError, f.ready(), fault.IsTerminal(f.err)}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if !f.ready() {
				if _, message := f.explain(); !strings.Contains(message, tc.says) {
					t.Errorf("%s: %q does not say %q", tc.reason, message, tc.says)
				}
			}
		})
	}
}

func TestGates(t *testing.T) {
	fine := func(change func(*facts)) *facts {
		f := &facts{application: "app"}
		change(f)
		return f
	}
	busy := pending(v1alpha1.ReasonProgressing, "busy", 0)
	cases := map[string]struct {
		reason string
		role   string
		facts  *facts
		want   bool
	}{
		"Open":         {"everything is there", workload.RoleChat, fine(func(*facts) {}), true},
		"Tables":       {"chat writes to tables", workload.RoleChat, fine(func(f *facts) { f.tables = busy }), false},
		"Topics":       {"chat publishes to topics", workload.RoleChat, fine(func(f *facts) { f.topics = busy }), false},
		"Schema":       {"an image needs its schema", workload.RoleGateway, fine(func(f *facts) { f.schema = busy }), false},
		"Policy":       {"an issuer that is not allowed lets nobody in", workload.RoleGateway, fine(func(f *facts) { f.policy = failed(errors.New("x")) }), false},
		"Cache":        {"without a cache the chat is slower, never wrong", workload.RoleGateway, fine(func(f *facts) { f.cache = busy }), true},
		"PushChat":     {"chat needs no push application", workload.RoleChat, fine(func(f *facts) { f.application = "" }), true},
		"PushNotify":   {"notify does", workload.RoleNotify, fine(func(f *facts) { f.application = "" }), false},
		"Certificates": {"a chat pod without a certificate could not start", workload.RoleChat, fine(func(f *facts) { f.certificates = busy }), false},
		"NoneNeeded":   {"a projector talks to no gateway", workload.RoleProject, fine(func(f *facts) { f.certificates = busy }), true},
		"ChatFirst":    {"gateways roll when chat has", workload.RoleGateway, fine(func(f *facts) { f.roles = map[string]fact{workload.RoleChat: busy} }), false},
		"ChatFailed": {"and not at all when chat does not get ready", workload.RoleProject, fine(func(f *facts) {
			f.roles = map[string]fact{workload.RoleChat: failed(fault.Terminal(v1alpha1.ReasonRolloutFailed, "x"))}
		}), false},
		"Itself":     {"chat does not wait for itself", workload.RoleChat, fine(func(f *facts) { f.roles = map[string]fact{workload.RoleChat: busy} }), true},
		"Processors": {"gateways come last", workload.RoleGateway, fine(func(f *facts) { f.roles = map[string]fact{workload.RoleProject: busy} }), false},
		"Held": {"notifications that wait for an application keep nobody from chatting", workload.RoleGateway, fine(func(f *facts) {
			f.roles, f.held = map[string]fact{workload.RoleNotify: busy}, map[string]bool{workload.RoleNotify: true}
		}), true},
		"PushFailing": {"a Pinpoint that fails after the application was made holds nobody", workload.RoleNotify, fine(func(f *facts) { f.push = failed(errors.New("x")) }), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			reason, message, ok := closedGate(tc.role, tc.facts)
			if ok != tc.want {
				t.Errorf("%s: open %v", tc.reason, ok)
			}
			if !ok && (reason == "" || message == "") {
				t.Errorf("%s: a closed gate does not say why", tc.reason)
			}
		})
	}
}

// kstatus: a reader must find exactly one of Ready, Reconciling and Stalled, of the generation that was observed.
func TestStatusIsExclusive(t *testing.T) {
	terminal, transient := fault.Terminal(v1alpha1.ReasonInvalid, "bad"), errors.New("flaky")
	ok := fact{}
	roles := map[string]fact{workload.RoleGateway: ok, workload.RoleChat: ok, workload.RoleNotify: ok, workload.RoleProject: ok}
	cases := map[string]struct {
		reason string
		facts  facts
		want   string
	}{
		"Ready":     {"all is as wanted", facts{roles: roles}, v1alpha1.ConditionReady},
		"Pending":   {"something is on its way", facts{roles: roles, tables: pending(v1alpha1.ReasonProgressing, "x", 0)}, v1alpha1.ConditionReconciling},
		"Transient": {"a failure that may pass", facts{roles: roles, topics: failed(transient)}, v1alpha1.ConditionReconciling},
		"Terminal":  {"one that may not, among others", facts{roles: roles, topics: failed(transient), schema: failed(terminal)}, v1alpha1.ConditionStalled},
		"Joined":    {"one that may not, joined with others", facts{roles: roles, base: failed(errors.Join(transient, terminal))}, v1alpha1.ConditionStalled},
		"Nothing":   {"roles that nobody has seen are not ready", facts{}, v1alpha1.ConditionReconciling},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cc := &v1alpha1.ChatCluster{}
			cc.Generation = 7
			// What an earlier pass said must not linger.
			for _, k := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				set(cc, k, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			}
			setStatus(cc, &tc.facts)
			for _, k := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				if got := meta.IsStatusConditionTrue(cc.Status.Conditions, k); got != (k == tc.want) {
					t.Errorf("%s: %s is %v", tc.reason, k, got)
				}
			}
			if cc.Status.ObservedGeneration != 7 {
				t.Errorf("observedGeneration is %d", cc.Status.ObservedGeneration)
			}
		})
	}
}

func TestEffective(t *testing.T) {
	cc := &v1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "demo"}}
	cc.Spec.Aurora.Host = "w"
	before := cc.DeepCopy()
	s := effective(cc)
	if diff := cmp.Diff(before, cc); diff != "" {
		t.Errorf("the ChatCluster was changed (-before +after):\n%s", diff)
	}
	if s.DynamoDB.TablePrefix != "chat.demo." || s.MSK.TopicPrefix != "chat.demo." || s.Aurora.ReaderHost != "w" || !*s.DynamoDB.DeletionProtection ||
		s.DeletionPolicy != v1alpha1.DeletionRetain || s.Gateway.WebClient != v1alpha1.WebClientDisabled || s.MSK.Partitions != nil || s.MSK.Retention != nil {
		t.Errorf("effective spec: %+v", s)
	}
	cc.Spec.DynamoDB.DeletionProtection = ptr.To(false)
	if *effective(cc).DynamoDB.DeletionProtection {
		t.Error("an explicit false was overruled")
	}
}

func TestMemo(t *testing.T) {
	m := newMemo()
	now := time.Unix(0, 0)
	m.now = func() time.Time { return now }
	m.put("u", "tables", []string{"a"}, "found", time.Minute)
	if got, ok := m.get("u", "tables", []string{"a"}); !ok || got != "found" {
		t.Error("what was just found is forgotten")
	}
	if _, ok := m.get("u", "tables", []string{"b"}); ok {
		t.Error("a changed wish is answered from memory")
	}
	if _, ok := m.get("v", "tables", []string{"a"}); ok {
		t.Error("another's memory is used")
	}
	now = now.Add(time.Minute)
	if _, ok := m.get("u", "tables", []string{"a"}); ok {
		t.Error("memory does not fade")
	}
	m.put("u", "tables", nil, "found", 0)
	m.put("u", "push", nil, "found", time.Minute)
	m.forget("u")
	if _, ok := m.get("u", "push", nil); ok {
		t.Error("a deleted ChatCluster is remembered")
	}
	for _, uid := range []types.UID{"a", "b", "c"} {
		m.put(uid, "push", nil, "found", time.Minute)
	}
	now = now.Add(time.Hour)
	m.put("d", "push", nil, "found", time.Minute)
	if len(m.entries) != 1 {
		t.Errorf("ChatClusters that went without a word are remembered for ever: %v", m.entries)
	}
}
