package workload

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	autoscalingv2ac "k8s.io/client-go/applyconfigurations/autoscaling/v2"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// Metrics that pods export and autoscalers may go by.
const (
	metricConnections = "chatcluster_gateway_connections"
	metricLag         = "chatcluster_consumer_lag"
)

// Scaling is how an autoscaler chooses the number of a role's pods.
type Scaling struct {
	Max int32
	// CPUPercent is nil where the CPU is no target.
	CPUPercent *int32
	// Metric is a pod's metric, and Average what it is to be; empty for none.
	Metric  string
	Average int64
}

func (r *Role) scale(a *v1alpha1.Autoscaling, metric string, average int64) {
	if a == nil {
		return
	}
	r.Replicas = *a.MinReplicas
	r.Scaling = &Scaling{Max: a.MaxReplicas, CPUPercent: a.TargetCPUPercent}
	if average > 0 {
		r.Scaling.Metric, r.Scaling.Average = metric, average
	}
}

func (r *Role) consume(a *v1alpha1.ConsumerAutoscaling) {
	if a != nil {
		r.scale(&a.Autoscaling, metricLag, int64Of(a.TargetLag))
	}
}

func int64Of[T int32 | int64](p *T) int64 {
	if p == nil {
		return 0
	}
	return int64(*p)
}

// Kubernetes' bounds of a policy's period, in seconds.
const (
	minPeriod = 60
	maxPeriod = 1800
)

// Autoscaler scales a role that has a Scaling. It takes pods away slowly, a tenth of them or one in the time that a pod may
// take to stop: their connections and partitions go to those that stay.
func (c Cluster) Autoscaler(r Role) *autoscalingv2ac.HorizontalPodAutoscalerApplyConfiguration {
	period := min(max(int32(r.GraceSeconds), minPeriod), maxPeriod)
	policy := func(kind autoscalingv2.HPAScalingPolicyType, value int32) *autoscalingv2ac.HPAScalingPolicyApplyConfiguration {
		return autoscalingv2ac.HPAScalingPolicy().WithType(kind).WithValue(value).WithPeriodSeconds(period)
	}
	spec := autoscalingv2ac.HorizontalPodAutoscalerSpec().
		WithScaleTargetRef(autoscalingv2ac.CrossVersionObjectReference().
			WithAPIVersion("apps/v1").WithKind("Deployment").WithName(c.ChildName(r.Name))).
		WithMinReplicas(r.Replicas).
		WithMaxReplicas(r.Scaling.Max).
		WithBehavior(autoscalingv2ac.HorizontalPodAutoscalerBehavior().
			WithScaleDown(autoscalingv2ac.HPAScalingRules().
				WithSelectPolicy(autoscalingv2.MaxChangePolicySelect).
				WithPolicies(policy(autoscalingv2.PodsScalingPolicy, 1), policy(autoscalingv2.PercentScalingPolicy, 10))))
	if r.Scaling.Metric != "" {
		spec.WithMetrics(autoscalingv2ac.MetricSpec().
			WithType(autoscalingv2.PodsMetricSourceType).
			WithPods(autoscalingv2ac.PodsMetricSource().
				WithMetric(autoscalingv2ac.MetricIdentifier().WithName(r.Scaling.Metric)).
				WithTarget(autoscalingv2ac.MetricTarget().
					WithType(autoscalingv2.AverageValueMetricType).
					WithAverageValue(*resource.NewQuantity(r.Scaling.Average, resource.DecimalSI)))))
	}
	if r.Scaling.CPUPercent != nil {
		// Of the role's own container: a sidecar's idleness says nothing about the role.
		spec.WithMetrics(autoscalingv2ac.MetricSpec().
			WithType(autoscalingv2.ContainerResourceMetricSourceType).
			WithContainerResource(autoscalingv2ac.ContainerResourceMetricSource().
				WithName(corev1.ResourceCPU).
				WithContainer(r.Name).
				WithTarget(autoscalingv2ac.MetricTarget().
					WithType(autoscalingv2.UtilizationMetricType).
					WithAverageUtilization(*r.Scaling.CPUPercent))))
	}
	return autoscalingv2ac.HorizontalPodAutoscaler(c.ChildName(r.Name), c.Namespace).
		WithLabels(c.Labels(r.Name)).
		WithOwnerReferences(c.owner()).
		WithSpec(spec)
}
