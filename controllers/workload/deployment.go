package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
)

// AnnotationConfig on a pod template is the ConfigMap that its pods were made for; on a Deployment, beside AnnotationImage,
// it is the operator's record of what it rolled out last.
const AnnotationConfig = "chatcluster.io/config"

// debugAddr is where pprof is: for whoever may forward a port into the pod.
const debugAddr = "127.0.0.1:6060"

// Deployment runs a role with the configuration in configMap. A rollout starts a pod before it stops one: no role is
// ever without its wanted number of pods. replicas is nil where that number is an autoscaler's alone. The error says what of
// the user's podTemplate makes no sense.
func (c Cluster) Deployment(r Role, configMap string, replicas *int32) (*appsv1ac.DeploymentApplyConfiguration, error) {
	container := corev1ac.Container().
		WithName(r.Name).
		WithArgs(r.Name, "--config", configDir+"/"+configFile, "--debug-listen", debugAddr).
		WithPorts(corev1ac.ContainerPort().WithName("ops").WithContainerPort(opsPort).WithProtocol(corev1.ProtocolTCP)).
		WithResources(resources(r.Resources)).
		// What a role says last is why it ended: the operator shows it.
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithEnv(goMemoryLimit(r.Resources)...).
		WithStartupProbe(probe("/healthz", 1, 60)).
		WithLivenessProbe(probe("/healthz", 10, 3)).
		WithReadinessProbe(probe("/readyz", 3, 2))
	if r.port != 0 {
		container.WithPorts(corev1ac.ContainerPort().WithName(r.portName).WithContainerPort(r.port).WithProtocol(corev1.ProtocolTCP))
	}
	shown := c.shownBy(r.Name)
	if shown != "" {
		container.WithVolumeMounts(corev1ac.VolumeMount().WithName("certificate").WithMountPath(certificateDir).WithReadOnly(true))
	}
	own := corev1ac.PodSpec()
	mountLists(r, own, container)
	mountSigningKey(r, own, container)
	if err := extendContainer(container, r.Settings.PodTemplate); err != nil {
		return nil, err
	}
	pod := c.pod(configMap, container).
		WithServiceAccountName(c.ChildName(r.Name)).
		WithTerminationGracePeriodSeconds(r.GraceSeconds).
		WithTopologySpreadConstraints(
			c.spread(r, corev1.LabelTopologyZone),
			c.spread(r, corev1.LabelHostname),
		)
	if shown != "" {
		pod.WithVolumes(corev1ac.Volume().WithName("certificate").
			WithSecret(corev1ac.SecretVolumeSource().WithSecretName(c.CertificateName(shown)).WithDefaultMode(0o440)))
	}
	pod.Volumes = append(pod.Volumes, own.Volumes...)
	if r.Settings.PriorityClassName != "" {
		pod.WithPriorityClassName(r.Settings.PriorityClassName)
	}
	if err := extendPod(pod, r.Settings.PodTemplate); err != nil {
		return nil, err
	}
	spec := appsv1ac.DeploymentSpec().
		WithRevisionHistoryLimit(3).
		WithProgressDeadlineSeconds(600).
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(c.selector(r.Name))).
		WithStrategy(appsv1ac.DeploymentStrategy().
			WithType(appsv1.RollingUpdateDeploymentStrategyType).
			WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
				WithMaxUnavailable(intstr.FromInt32(0)).
				WithMaxSurge(intstr.FromString("25%")))).
		WithTemplate(corev1ac.PodTemplateSpec().
			WithLabels(r.Settings.PodTemplate.Labels).
			WithLabels(c.Labels(r.Name)).
			WithAnnotations(r.Settings.PodTemplate.Annotations).
			WithAnnotations(map[string]string{AnnotationConfig: configMap}).
			WithSpec(pod))
	spec.Replicas = replicas
	return appsv1ac.Deployment(c.ChildName(r.Name), c.Namespace).
		WithLabels(c.Labels(r.Name)).
		WithAnnotations(map[string]string{AnnotationImage: c.Image, AnnotationConfig: configMap}).
		WithOwnerReferences(c.owner()).
		WithSpec(spec), nil
}

// spread prefers pods of one revision to be apart, and never keeps one from running.
func (c Cluster) spread(r Role, key string) *corev1ac.TopologySpreadConstraintApplyConfiguration {
	return corev1ac.TopologySpreadConstraint().
		WithMaxSkew(1).
		WithTopologyKey(key).
		WithWhenUnsatisfiable(corev1.ScheduleAnyway).
		WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(c.selector(r.Name))).
		WithMatchLabelKeys(appsv1.DefaultDeploymentUniqueLabelKey)
}
