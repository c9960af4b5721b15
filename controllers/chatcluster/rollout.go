package chatcluster

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// role applies one Deployment and what belongs to it: with the wanted image and configuration when the gates are open, or else
// with those that it has. A Deployment that was never made is not made while a gate is closed.
func (s *scope) role(ctx context.Context, c workload.Cluster, role workload.Role, configMap string, config any) (v1alpha1.WorkloadStatus, fact) {
	status := v1alpha1.WorkloadStatus{Role: role.Name, Replicas: role.Replicas}
	if _, err := s.apply(ctx, &corev1.ServiceAccount{}, c.RoleAccount(role)); err != nil {
		return status, failed(err)
	}
	deployment, err := s.cachedDeployment(ctx, c.ChildName(role.Name))
	if err != nil {
		return status, failed(kubernetes("get Deployment "+c.ChildName(role.Name), err))
	}
	reason, message, open := closedGate(role.Name, &s.facts)
	image, old := serving(deployment)
	if image == c.Image && old == configMap {
		// Nothing would roll: a table that is being changed holds nobody back.
		open = true
	}
	if !open {
		s.facts.held[role.Name] = true
		keep := image
		if keep == "" {
			// A Deployment that somebody deleted comes back even now, as long as an image has served before.
			if keep = s.cc.Status.Image; keep == "" {
				return status, pending(reason, message, 0)
			}
			old = configMap
		}
		c.Image, configMap = keep, old
	}
	// The ConfigMap of an older configuration is there already, or could not be made again.
	if _, name := named(config); name == configMap {
		if _, err := s.apply(ctx, &corev1.ConfigMap{}, config); err != nil {
			return status, failed(err)
		}
	}
	changed, err := s.deploy(ctx, c, role, configMap, deployment)
	if err != nil {
		return status, failed(err)
	}
	if changed && image != c.Image {
		s.rolling = append(s.rolling, role.Name+" with image "+c.Image)
	}
	status, f := deploymentFacts(role, deployment, changed)
	f = s.explainRole(ctx, role.Name, f)
	switch {
	case f.reason == v1alpha1.ReasonRolloutFailed:
		f = failed(fault.Terminal(f.reason, "%s", f.message))
	case f.ready() && !open:
		f = pending(reason, "the previous image serves; "+message, 0)
	}
	return status, f
}

// cachedDeployment is a Deployment that the operator made, nil when there is none. What else has its name is found when it is applied.
func (s *scope) cachedDeployment(ctx context.Context, name string) (*appsv1.Deployment, error) {
	d := &appsv1.Deployment{}
	err := s.Get(ctx, types.NamespacedName{Namespace: s.cc.Namespace, Name: name}, d)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return d, err
}

// deploy applies a role's Deployment and autoscaler. An autoscaler goes before the number of pods is the spec's again, and
// comes after there is something to scale.
func (s *scope) deploy(ctx context.Context, c workload.Cluster, role workload.Role, configMap string, live *appsv1.Deployment) (changed bool, err error) {
	if role.Scaling == nil {
		if err := s.autoscale(ctx, c, role); err != nil {
			return false, err
		}
	}
	replicas := replicasToApply(role, live)
	d, err := c.Deployment(role, configMap, replicas)
	if err != nil {
		return false, fault.Terminal(v1alpha1.ReasonInvalid, "%s: %s", role.Name, err)
	}
	if role.Scaling != nil && live != nil && replicas != nil {
		// What was observed may have been changed by the autoscaler since: then nothing is applied, and it is looked at again.
		d.WithResourceVersion(live.ResourceVersion)
	}
	done, err := s.apply(ctx, &appsv1.Deployment{}, d)
	if err != nil {
		return false, err
	}
	if role.Scaling != nil {
		err = s.autoscale(ctx, c, role)
	}
	return done.changed, err
}

// replicasToApply is the number of pods that is applied to a role's Deployment, nil for none. Where an autoscaler is to choose
// it, the observed number is applied until somebody else has set it: a field that is not applied any more falls back to one.
func replicasToApply(role workload.Role, live *appsv1.Deployment) *int32 {
	switch {
	case role.Scaling == nil, live == nil, ptr.Deref(live.Spec.Replicas, 0) == 0:
		// An autoscaler leaves alone what has no pods.
		return &role.Replicas
	case othersSetReplicas(live):
		return nil
	}
	return live.Spec.Replicas
}

// deploymentFacts reads how a rollout goes. It is pure. changed says that the Deployment was written after it was read.
func deploymentFacts(role workload.Role, d *appsv1.Deployment, changed bool) (v1alpha1.WorkloadStatus, fact) {
	status := v1alpha1.WorkloadStatus{Role: role.Name, Replicas: role.Replicas}
	if d == nil {
		return status, pending(v1alpha1.ReasonRollingOut, "the Deployment was created", 0)
	}
	if role.Scaling != nil {
		// What an autoscaler adds beyond the fewest is welcome, not waited for.
		status.Replicas = ptr.Deref(d.Spec.Replicas, role.Replicas)
	}
	status.Ready, status.Updated = d.Status.ReadyReplicas, d.Status.UpdatedReplicas
	if changed || d.Status.ObservedGeneration < d.Generation {
		return status, pending(v1alpha1.ReasonRollingOut, "the Deployment was changed", 0)
	}
	progress := fmt.Sprintf("%d of %d pods are updated, %d available", status.Updated, status.Replicas, d.Status.AvailableReplicas)
	reason := v1alpha1.ReasonRollingOut
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue ||
			condition.Type == appsv1.DeploymentProgressing && condition.Status == corev1.ConditionFalse {
			progress += "; " + clip(condition.Message)
		}
		if condition.Type == appsv1.DeploymentProgressing && condition.Status == corev1.ConditionFalse && condition.Reason == progressDeadlineExceeded {
			reason = v1alpha1.ReasonRolloutFailed
		}
	}
	if status.Updated < role.Replicas || d.Status.Replicas > status.Updated || d.Status.AvailableReplicas < role.Replicas {
		return status, pending(reason, progress, 0)
	}
	if d.Status.Replicas > status.Replicas && role.Scaling == nil {
		return status, pending(v1alpha1.ReasonRollingOut, fmt.Sprintf("%d pods run, %d are wanted", d.Status.Replicas, status.Replicas), 0)
	}
	return status, fact{}
}

// progressDeadlineExceeded is the Deployment controller's reason for a rollout that does not get on.
const progressDeadlineExceeded = "ProgressDeadlineExceeded"

// serving returns the image and the ConfigMap that a Deployment was made for, empty when there is none. It goes by the
// operator's own record: what somebody wrote into the pod template is drift.
func serving(d *appsv1.Deployment) (image, configMap string) {
	if d == nil {
		return "", ""
	}
	return d.Annotations[workload.AnnotationImage], d.Annotations[workload.AnnotationConfig]
}
