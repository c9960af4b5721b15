package workload

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/json"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// What the user's template has is only added: that nothing of the operator's is named again is checked when a ChatCluster is
// admitted. An error names the field that Kubernetes would not understand.

// extendContainer adds to a role's own container what the user's template has for it.
func extendContainer(own *corev1ac.ContainerApplyConfiguration, t v1alpha1.PodTemplate) error {
	for _, m := range t.VolumeMounts {
		a := corev1ac.VolumeMount().WithName(m.Name).WithMountPath(m.MountPath)
		setIf(&a.SubPath, m.SubPath)
		setIf(&a.ReadOnly, m.ReadOnly)
		own.WithVolumeMounts(a)
	}
	return extend(&own.Env, "env", t.Env)
}

// extendPod adds to a role's pod what the user's template has for it.
func extendPod(pod *corev1ac.PodSpecApplyConfiguration, t v1alpha1.PodTemplate) error {
	if len(t.NodeSelector) > 0 {
		pod.WithNodeSelector(t.NodeSelector)
	}
	for _, toleration := range t.Tolerations {
		a := corev1ac.Toleration()
		a.TolerationSeconds = toleration.TolerationSeconds
		setIf(&a.Key, toleration.Key)
		setIf(&a.Operator, toleration.Operator)
		setIf(&a.Value, toleration.Value)
		setIf(&a.Effect, toleration.Effect)
		pod.WithTolerations(a)
	}
	var affinity error
	if t.Affinity != nil {
		a := corev1ac.Affinity()
		affinity = understand("affinity", t.Affinity.Raw, a)
		pod.WithAffinity(a)
	}
	return errors.Join(
		affinity,
		extend(&pod.Volumes, "volumes", t.Volumes),
		extend(&pod.InitContainers, "initContainers", t.InitContainers),
		// The role's own stays the first: kubectl logs and exec take that one.
		extend(&pod.Containers, "containers", t.Containers),
	)
}

// jobTemplate is the pod of a Job, with what the user's template has for it.
func (c Cluster) jobTemplate(configMap, component string, labels map[string]string, container *corev1ac.ContainerApplyConfiguration) (*corev1ac.PodTemplateSpecApplyConfiguration, error) {
	settings := c.Spec.Jobs
	err := extendContainer(container, settings.PodTemplate)
	pod := c.pod(configMap, container).
		WithServiceAccountName(c.ChildName(component)).
		WithRestartPolicy(corev1.RestartPolicyNever).
		WithTerminationGracePeriodSeconds(30)
	if settings.PriorityClassName != "" {
		pod.WithPriorityClassName(settings.PriorityClassName)
	}
	err = errors.Join(err, extendPod(pod, settings.PodTemplate))
	return corev1ac.PodTemplateSpec().
		WithLabels(settings.PodTemplate.Labels).
		WithLabels(labels).
		WithAnnotations(settings.PodTemplate.Annotations).
		WithSpec(pod), err
}

// extend reads parts and appends them to list.
func extend[T any](list *[]T, field string, parts []v1alpha1.PodPart) error {
	var errs []error
	for _, p := range parts {
		var one T
		errs = append(errs, understand(field+"["+p.Name+"]", p.Raw.Raw, &one))
		*list = append(*list, one)
	}
	return errors.Join(errs...)
}

// understand reads what the user wrote as Kubernetes' own type, strictly: a misspelled field must not be ignored.
func understand(field string, raw []byte, into any) error {
	unknown, err := json.UnmarshalStrict(raw, into)
	if err := errors.Join(append(unknown, err)...); err != nil {
		return fmt.Errorf("podTemplate.%s: %w", field, err)
	}
	return nil
}

// setIf sets a field to what is not its type's zero value.
func setIf[T comparable](field **T, value T) {
	var zero T
	if value != zero {
		*field = &value
	}
}
