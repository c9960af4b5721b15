package chatcluster

import (
	"context"
	"errors"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/controllers/workload"
)

// workloads applies everything that runs. It comes last: the other phases' facts decide what may roll.
func (s *scope) workloads(ctx context.Context) {
	c := s.cluster
	c.Image = s.spec.Image
	c.ApplicationID = s.facts.application
	s.facts.servingImage = s.cc.Status.Image
	s.facts.roles = map[string]fact{}
	s.facts.held = map[string]bool{}

	var errs []error
	services := []any{c.GatewayService(), c.ChatService()}
	if admin := c.AdminService(); admin != nil {
		services = append(services, admin)
		s.facts.adminURL = c.AdminURL()
	}
	for _, service := range services {
		_, err := s.apply(ctx, &corev1.Service{}, service)
		errs = append(errs, err)
	}
	s.expose(ctx, c)
	errs = append(errs, s.monitor(ctx, c))
	configMap, err := c.ConfigMap()
	if err != nil {
		errs = append(errs, err)
		s.facts.base = failed(errors.Join(errs...))
		return
	}
	rolledOut := true
	roles := c.Roles()
	errs = append(errs, s.removeUnnamed(ctx, roles))
	s.detectorLists(ctx, roles)
	for _, role := range roles {
		_, err := s.apply(ctx, &policyv1.PodDisruptionBudget{}, c.DisruptionBudget(role))
		errs = append(errs, err)
		status, f := s.role(ctx, c, role, *configMap.Name, configMap)
		rolledOut = rolledOut && f.ready()
		if s.plan != nil && f.err == nil {
			// A plan shows what follows, too.
			s.facts.held[role.Name], f = false, fact{}
		}
		s.facts.roles[role.Name] = f
		s.facts.roleList = append(s.facts.roleList, status)
	}
	// One event for all: the events of one pass would be folded into the first one's text.
	if len(s.rolling) > 0 {
		s.event("RollingOut", "RollOut", "Rolling out %s", strings.Join(s.rolling, ", "))
	}
	if err := errors.Join(errs...); rolledOut && err == nil {
		s.facts.servingImage = s.spec.Image
		errs = append(errs, s.prune(ctx, c, *configMap.Name))
	}
	s.facts.base = failed(errors.Join(errs...))
}

// autoscale applies a role's autoscaler, or removes the one that is not wanted any more.
func (s *scope) autoscale(ctx context.Context, c workload.Cluster, role workload.Role) error {
	if role.Scaling == nil {
		return s.remove(ctx, &autoscalingv2.HorizontalPodAutoscaler{}, c.ChildName(role.Name))
	}
	_, err := s.apply(ctx, &autoscalingv2.HorizontalPodAutoscaler{}, c.Autoscaler(role))
	return err
}

// monitor applies the PodMonitor where the Kubernetes cluster knows PodMonitors.
func (s *scope) monitor(ctx context.Context, c workload.Cluster) error {
	o := c.PodMonitor()
	if !*s.spec.Telemetry.PodMonitor.Enabled {
		return s.removeOptional(ctx, workload.PodMonitorKind, *o.Metadata.Name)
	}
	_, _, err := s.applyOptional(ctx, workload.PodMonitorKind, o)
	return err
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
