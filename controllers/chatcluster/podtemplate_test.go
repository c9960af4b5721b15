package chatcluster

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// podSettings are all that may be said about pods.
func podSettings(t *testing.T) v1alpha1.PodSettings {
	t.Helper()
	const restricted = "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
	return v1alpha1.PodSettings{
		PriorityClassName:         "system-node-critical",
		ServiceAccountAnnotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/chat"},
		PodTemplate: v1alpha1.PodTemplate{
			Labels:         map[string]string{"team": "chat"},
			NodeSelector:   map[string]string{"node": "chat"},
			Tolerations:    []corev1.Toleration{{Key: "chat", Operator: corev1.TolerationOpExists}},
			Affinity:       &runtime.RawExtension{Raw: []byte(`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"team":"chat"}}}]}}`)},
			Env:            []v1alpha1.PodPart{podPart(t, "{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}")},
			Volumes:        []v1alpha1.PodPart{podPart(t, "{name: scratch, emptyDir: {sizeLimit: 1Gi}}")},
			VolumeMounts:   []v1alpha1.VolumeMount{{Name: "scratch", MountPath: "/scratch"}},
			InitContainers: []v1alpha1.PodPart{podPart(t, "{name: proxy, image: example.com/proxy, restartPolicy: Always, "+restricted+"}")},
			Containers:     []v1alpha1.PodPart{podPart(t, "{name: shipper, image: example.com/shipper, ports: [{containerPort: 9000}], "+restricted+"}")},
		},
	}
}

// The role's pods get what the user adds, word by word, and the API server takes them.
func TestPodTemplate(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.Chat.PodSettings = podSettings(t) })
	w.settle()
	pod := w.deployment(workload.RoleChat).Spec.Template
	spec := pod.Spec
	if spec.PriorityClassName != "system-node-critical" || pod.Labels["team"] != "chat" || spec.NodeSelector["node"] != "chat" || len(spec.Tolerations) != 1 ||
		spec.Affinity.PodAntiAffinity == nil || spec.InitContainers[0].Name != "proxy" || spec.Containers[1].Name != "shipper" {
		t.Errorf("the pods' template is %+v", spec)
	}
	own := spec.Containers[0]
	if own.Name != workload.RoleChat || own.Env[len(own.Env)-1].ValueFrom.FieldRef.FieldPath != "spec.nodeName" {
		t.Errorf("the role's own container is %+v", own)
	}
	try := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "try", Namespace: w.namespace, Labels: pod.Labels}, Spec: spec}
	if err := admin.Create(t.Context(), try, client.DryRunAll); err != nil {
		t.Errorf("a chat pod is refused: %v", err)
	}
	var account corev1.ServiceAccount
	if err := admin.Get(t.Context(), w.key("demo-chat"), &account); err != nil || account.Annotations["eks.amazonaws.com/role-arn"] == "" {
		t.Errorf("the ServiceAccount has annotations %v, %v", account.Annotations, err)
	}

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Chat.PodSettings = v1alpha1.PodSettings{} })
	w.settle()
	spec = w.deployment(workload.RoleChat).Spec.Template.Spec
	if spec.PriorityClassName != "" || len(spec.Containers) != 1 || spec.Affinity != nil || len(spec.NodeSelector) != 0 {
		t.Errorf("what was taken out of the spec is left: %+v", spec)
	}
	if err := admin.Get(t.Context(), w.key("demo-chat"), &account); err != nil || account.Annotations["eks.amazonaws.com/role-arn"] != "" {
		t.Errorf("the ServiceAccount still has annotations %v, %v", account.Annotations, err)
	}
}

// What cannot be checked at admission is said in the role's condition, and the pods stay as they are.
func TestPodTemplateThatMakesNoSense(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	before := w.deployment(workload.RoleChat).Generation
	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Chat.PodTemplate.Containers = []v1alpha1.PodPart{podPart(t, "{name: shipper, image: x, imagePullPolice: Always}")}
	})
	w.pass()
	if c := w.condition(v1alpha1.ConditionChatReady); c.Reason != v1alpha1.ReasonInvalid || !strings.Contains(c.Message, `unknown field "imagePullPolice"`) {
		t.Errorf("ChatReady: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionStalled); c.Status != metav1.ConditionTrue {
		t.Errorf("only a person can mend it: %s", explainConditions(w.get()))
	}
	if after := w.deployment(workload.RoleChat).Generation; after != before {
		t.Error("the Deployment was changed")
	}
}
