package chatcluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// workloads applies everything that runs. It comes last: the other phases' facts decide what may roll.
func (s *scope) workloads(ctx context.Context) {
	c := s.cluster
	c.Image = s.spec.Image
	c.ApplicationID = s.facts.application
	s.facts.gatewayURL = c.GatewayURL()
	s.facts.servingImage = s.cc.Status.Image
	s.facts.roles = map[string]fact{}

	var errs []error
	if _, err := s.apply(ctx, &corev1.Service{}, c.GatewayService()); err != nil {
		errs = append(errs, err)
	}
	if _, err := s.apply(ctx, &corev1.Service{}, c.ChatService()); err != nil {
		errs = append(errs, err)
	}
	configMap, err := c.ConfigMap()
	if err != nil {
		errs = append(errs, err)
		s.facts.base = failed(errors.Join(errs...))
		return
	}
	rolledOut := true
	for _, role := range c.Roles() {
		if _, err := s.apply(ctx, &corev1.ServiceAccount{}, c.ServiceAccount(role.Name)); err != nil {
			errs = append(errs, err)
			continue
		}
		if _, err := s.apply(ctx, &policyv1.PodDisruptionBudget{}, c.DisruptionBudget(role)); err != nil {
			errs = append(errs, err)
		}
		status, f := s.role(ctx, c, role, *configMap.Name, configMap)
		s.facts.roles[role.Name] = f
		s.facts.roleList = append(s.facts.roleList, status)
		rolledOut = rolledOut && f.ready()
	}
	if rolledOut && len(errs) == 0 {
		s.facts.servingImage = s.spec.Image
		if err := s.prune(ctx, c, *configMap.Name); err != nil {
			errs = append(errs, err)
		}
	}
	s.facts.base = failed(errors.Join(errs...))
}

// role applies one Deployment: with the wanted image and configuration when the gates are open, or else with those that it
// has. A Deployment that was never made is not made while a gate is closed.
func (s *scope) role(ctx context.Context, c workload.Cluster, role workload.Role, configMap string, config any) (v1alpha1.WorkloadStatus, fact) {
	status := v1alpha1.WorkloadStatus{Role: role.Name, Replicas: role.Replicas}
	live, err := s.live(ctx, &appsv1.Deployment{}, types.NamespacedName{Namespace: c.Namespace, Name: c.ChildName(role.Name)})
	if err != nil {
		return status, failed(kubernetes("get Deployment "+c.ChildName(role.Name), err))
	}
	deployment, _ := live.(*appsv1.Deployment)
	reason, message, open := closedGate(role.Name, &s.facts)
	image, old := serving(deployment)
	if image == c.Image && old == configMap {
		// Nothing would roll: a table that is being changed holds nobody back.
		open = true
	}
	if !open {
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
	if name := configMapName(config); name == configMap {
		if _, err := s.apply(ctx, &corev1.ConfigMap{}, config); err != nil {
			return status, failed(err)
		}
	}
	done, err := s.apply(ctx, &appsv1.Deployment{}, c.Deployment(role, configMap))
	if err != nil {
		return status, failed(err)
	}
	if done.changed && image != c.Image {
		s.event("RollingOut", "RollOut", "Rolling out %s with image %s", role.Name, c.Image)
	}
	status, f := deploymentFacts(role, deployment, done.changed)
	f = s.explainRole(ctx, role.Name, f)
	if f.ready() && !open {
		f = pending(reason, "the previous image serves; "+message, 0)
	}
	return status, f
}

// deploymentFacts reads how a rollout goes. It is pure. changed says that the Deployment was written after it was read.
func deploymentFacts(role workload.Role, d *appsv1.Deployment, changed bool) (v1alpha1.WorkloadStatus, fact) {
	status := v1alpha1.WorkloadStatus{Role: role.Name, Replicas: role.Replicas}
	if d == nil {
		return status, pending(v1alpha1.ReasonRollingOut, "the Deployment was created", 0)
	}
	status.Ready, status.Updated = d.Status.ReadyReplicas, d.Status.UpdatedReplicas
	if changed || d.Status.ObservedGeneration < d.Generation {
		return status, pending(v1alpha1.ReasonRollingOut, "the Deployment was changed", 0)
	}
	progress := fmt.Sprintf("%d of %d pods are updated, %d available", status.Updated, status.Replicas, d.Status.AvailableReplicas)
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue ||
			condition.Type == appsv1.DeploymentProgressing && condition.Status == corev1.ConditionFalse {
			progress += "; " + clip(condition.Message)
		}
	}
	if status.Updated < role.Replicas || d.Status.Replicas > status.Updated || d.Status.AvailableReplicas < role.Replicas {
		return status, pending(v1alpha1.ReasonRollingOut, progress, 0)
	}
	if d.Status.Replicas > role.Replicas {
		return status, pending(v1alpha1.ReasonRollingOut, fmt.Sprintf("%d pods run, %d are wanted", d.Status.Replicas, role.Replicas), 0)
	}
	return status, fact{}
}

// serving returns the image and the ConfigMap that a Deployment was made for, empty when there is none. It goes by the
// operator's own record: what somebody wrote into the pod template is drift.
func serving(d *appsv1.Deployment) (image, configMap string) {
	if d == nil {
		return "", ""
	}
	return d.Annotations[workload.AnnotationImage], d.Annotations[workload.AnnotationConfig]
}

func configMapName(config any) string {
	if named, ok := config.(interface{ GetName() *string }); ok {
		return ptr.Deref(named.GetName(), "")
	}
	return ""
}

// prune deletes what no pod uses once every role has rolled out: ConfigMaps of older configurations, and migrations of
// other images.
func (s *scope) prune(ctx context.Context, c workload.Cluster, configMap string) error {
	keep := map[string]bool{configMap: true}
	for _, step := range []workload.MigrationStep{workload.StepPreview, workload.StepExpand, workload.StepContract} {
		name, err := c.MigrationName(step)
		if err != nil {
			return err
		}
		keep[name] = true
	}
	mine := []client.ListOption{client.InNamespace(c.Namespace), client.MatchingLabels{
		workload.LabelInstance: c.Name, workload.LabelManagedBy: workload.ManagedBy,
	}}
	var configMaps corev1.ConfigMapList
	if err := s.List(ctx, &configMaps, mine...); err != nil {
		return kubernetes("list ConfigMaps", err)
	}
	var jobs batchv1.JobList
	if err := s.List(ctx, &jobs, mine...); err != nil {
		return kubernetes("list Jobs", err)
	}
	var old []client.Object
	for i := range jobs.Items {
		old = append(old, &jobs.Items[i])
	}
	for i := range configMaps.Items {
		old = append(old, &configMaps.Items[i])
	}
	var errs []error
	for _, o := range old {
		if keep[o.GetName()] || !metav1.IsControlledBy(o, s.cc) || !strings.HasPrefix(o.GetName(), c.Name+"-") {
			continue
		}
		uid := o.GetUID()
		err := s.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			errs = append(errs, kubernetes("delete "+o.GetName(), err))
		}
	}
	return errors.Join(errs...)
}
