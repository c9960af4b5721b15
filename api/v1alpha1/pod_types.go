package v1alpha1

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// PodSettings are what the pods of a role, or of Jobs, may be given.
type PodSettings struct {
	// The PriorityClass of the pods. Absent means the Kubernetes cluster's default.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// Annotations of the pods' ServiceAccount, such as eks.amazonaws.com/role-arn for IRSA, at most 16. Pod Identity needs
	// none: associate a role with the ServiceAccount "<name>-gateway", "<name>-chat", "<name>-notify", "<name>-project",
	// "<name>-migrate" or "<name>-purge", and so for each processor.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('chatcluster.io/'))",message="serviceAccountAnnotations may not begin with chatcluster.io/: those are the operator's"
	// +optional
	ServiceAccountAnnotations map[string]string `json:"serviceAccountAnnotations,omitempty"`
	// What the pods have beyond what the operator gives them.
	// +optional
	PodTemplate PodTemplate `json:"podTemplate,omitzero"`
}

// PodTemplate is what a role's pods have beyond what the operator gives them. It adds: what the role needs to run (its image,
// arguments, ports, probes, security context, volumes and ServiceAccount) cannot be changed with it.
type PodTemplate struct {
	// Labels of the pods, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('app.kubernetes.io/') && !k.startsWith('chatcluster.io/'))",message="podTemplate.labels may not begin with app.kubernetes.io/ or chatcluster.io/: the operator finds its pods by those"
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the pods, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('chatcluster.io/'))",message="podTemplate.annotations may not begin with chatcluster.io/: those are the operator's"
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Labels of the nodes that the pods run on, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Taints of nodes that the pods tolerate, at most 32.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Affinity of the pods, as in Kubernetes. They are spread over zones and nodes, softly, in any case.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Affinity *runtime.RawExtension `json:"affinity,omitempty"`
	// Environment of the role's own container, as in Kubernetes, at most 64.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(e, !(e.name in ['GOMEMLIMIT', 'AWS_SHARED_CREDENTIALS_FILE', 'AWS_EC2_METADATA_DISABLED']))",message="podTemplate.env may not hold GOMEMLIMIT, AWS_SHARED_CREDENTIALS_FILE or AWS_EC2_METADATA_DISABLED: the operator sets those by resources and aws.credentials"
	// +optional
	Env []PodPart `json:"env,omitempty"`
	// Volumes of the pods, as in Kubernetes, at most 32.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(v, !(v.name in ['config', 'secrets', 'certificate', 'lists']))",message="podTemplate.volumes may not be named config, secrets, certificate or lists: the operator's own are"
	// +optional
	Volumes []PodPart `json:"volumes,omitempty"`
	// Where the role's own container finds them, at most 32.
	// +listType=map
	// +listMapKey=mountPath
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(m, !m.mountPath.startsWith('/etc/chatcluster') && !m.mountPath.startsWith('/var/run/secrets/chatcluster'))",message="podTemplate.volumeMounts may not be below /etc/chatcluster or /var/run/secrets/chatcluster: the role's configuration and secrets are there"
	// +optional
	VolumeMounts []VolumeMount `json:"volumeMounts,omitempty"`
	// Containers that run before the role's own or, with restartPolicy Always, beside it, as in Kubernetes, at most 16.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(c, !(c.name in ['gateway', 'chat', 'notify', 'project', 'migrate', 'purge', 'spam', 'profanity', 'fraud', 'analytics', 'audit']))",message="podTemplate.initContainers may not be named as a role of chatd is, such as gateway or chat: the roles' own containers are"
	// +optional
	InitContainers []PodPart `json:"initContainers,omitempty"`
	// Containers beside the role's own, as in Kubernetes, at most 16.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(c, !(c.name in ['gateway', 'chat', 'notify', 'project', 'migrate', 'purge', 'spam', 'profanity', 'fraud', 'analytics', 'audit']))",message="podTemplate.containers may not be named as a role of chatd is, such as gateway or chat: the role's own container cannot be changed here"
	// +optional
	Containers []PodPart `json:"containers,omitempty"`
}

// VolumeMount is where the role's own container finds a volume of the pod.
type VolumeMount struct {
	// The volume's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`
	// Where it is mounted.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^/[^:]*$`
	// +required
	MountPath string `json:"mountPath"`
	// The path in the volume that is mounted. Absent means its root.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	SubPath string `json:"subPath,omitempty"`
	// Whether it may only be read.
	// +optional
	ReadOnly bool `json:"readOnly,omitempty"`
}

// PodPart is a container, a volume or an environment variable in Kubernetes' own words. All but its name is checked when the
// pods are made; what Kubernetes does not know is said in the role's condition.
//
// +kubebuilder:pruning:PreserveUnknownFields
// +kubebuilder:ac:generate=false
type PodPart struct {
	// Its name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Raw is the whole of it as JSON, the name included.
	Raw runtime.RawExtension `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *PodPart) UnmarshalJSON(data []byte) error {
	var named struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(data, &named); err != nil {
		return fmt.Errorf("read a part of a podTemplate: %w", err)
	}
	p.Name = named.Name
	return p.Raw.UnmarshalJSON(data)
}

// MarshalJSON implements json.Marshaler.
func (p PodPart) MarshalJSON() ([]byte, error) {
	if p.Raw.Raw == nil {
		return json.Marshal(map[string]string{"name": p.Name})
	}
	return p.Raw.MarshalJSON()
}
