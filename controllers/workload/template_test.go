package workload

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

func TestWhatKubernetesWouldNotUnderstandIsNamed(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.PodTemplate)
		want   string
	}{
		"Container": {"a misspelled field would be dropped without a word", func(p *v1alpha1.PodTemplate) {
			p.Containers = []v1alpha1.PodPart{part(t, "{name: a, imagePullPolice: Always}")}
		}, `podTemplate.containers[a]: unknown field "imagePullPolice"`},
		"Volume": {"so would a kind of volume that does not exist", func(p *v1alpha1.PodTemplate) {
			p.Volumes = []v1alpha1.PodPart{part(t, "{name: v, empty: {}}")}
		}, "podTemplate.volumes[v]"},
		"Env": {"a number is no text", func(p *v1alpha1.PodTemplate) {
			p.Env = []v1alpha1.PodPart{part(t, "{name: COUNT, value: 3}")}
		}, "podTemplate.env[COUNT]"},
		"Affinity": {"and an affinity without effect spreads nothing", func(p *v1alpha1.PodTemplate) {
			p.Affinity = &runtime.RawExtension{Raw: []byte(`{"podAntiaffinity":{}}`)}
		}, "podTemplate.affinity"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := testCluster()
			tc.change(&c.Spec.Chat.PodTemplate)
			r := c.Roles()[0]
			if _, err := c.Deployment(r, "config", &r.Replicas); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// What the operator needs to find its pods again, and to run them, wins over the user's template.
func TestTheOperatorsOwnWins(t *testing.T) {
	c := testCluster()
	c.Spec.Gateway.PodTemplate = v1alpha1.PodTemplate{
		Labels:      map[string]string{LabelComponent: "mine"},
		Annotations: map[string]string{AnnotationConfig: "mine"},
		Containers:  []v1alpha1.PodPart{part(t, "{name: shipper, image: example.com/shipper}")},
	}
	roles := c.Roles()
	d, err := c.Deployment(roles[len(roles)-1], "config", nil)
	if err != nil {
		t.Fatal(err)
	}
	pod := d.Spec.Template
	if pod.Labels[LabelComponent] != RoleGateway || pod.Annotations[AnnotationConfig] != "config" {
		t.Errorf("labels %v, annotations %v", pod.Labels, pod.Annotations)
	}
	if first := *pod.Spec.Containers[0].Name; first != RoleGateway {
		t.Errorf("kubectl logs would show %s", first)
	}
	if d.Spec.Replicas != nil {
		t.Error("a number of pods is applied that is an autoscaler's")
	}
}
