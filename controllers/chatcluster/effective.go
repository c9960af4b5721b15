package chatcluster

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

// Partitions and retention of a topic that does not exist yet, where the spec does not say.
const (
	defaultPartitions     = 16
	defaultTopicRetention = 168 * time.Hour
)

// Keys of Secrets, where the spec does not say.
const (
	defaultPasswordKey = "password"
	defaultCAKey       = "ca.crt"
)

// effective returns the spec with everything filled in that the user left out. It is pure, and its result is never
// written anywhere. What stays unset means "leave it as it is" (msk.partitions and msk.retention of topics that exist).
func effective(cc *v1alpha1.ChatCluster) v1alpha1.ChatClusterSpec {
	s := *cc.Spec.DeepCopy()
	prefix := cc.Namespace + "." + cc.Name + "."

	fill(&s.DeletionPolicy, v1alpha1.DeletionRetain)

	fill(&s.DynamoDB.TablePrefix, prefix)
	fillPtr(&s.DynamoDB.PointInTimeRecovery.Days, 35)
	fillPtr(&s.DynamoDB.DeletionProtection, true)
	fillPtr(&s.DynamoDB.HotRetention, metav1.Duration{Duration: 720 * time.Hour})

	fill(&s.MSK.TopicPrefix, prefix)
	fillPtr(&s.MSK.TLS, true)

	fill(&s.Aurora.ReaderHost, s.Aurora.Host)
	fillPtr(&s.Aurora.Port, 5432)
	fill(&s.MSK.CASecret.Key, defaultCAKey)
	fill(&s.MSK.Profile, v1alpha1.ProfileProvisioned)
	if scram := s.MSK.Authentication.SCRAM; scram != nil {
		fill(&scram.PasswordSecret.Key, defaultPasswordKey)
		fill(&scram.Mechanism, dial.SCRAMSHA512)
	}

	fill(&s.Aurora.PasswordSecret.Key, defaultPasswordKey)
	fill(&s.Aurora.CASecret.Key, defaultCAKey)
	fill(&s.Aurora.Migrations.Approval, v1alpha1.ApprovalAutomatic)
	fill(&s.Aurora.SSLMode, "require")
	fillPtr(&s.Aurora.Migrations.Timeout, metav1.Duration{Duration: 10 * time.Minute})
	fillPtr(&s.Aurora.Migrations.BackoffLimit, 3)

	fillPtr(&s.ElastiCache.TLS, true)
	if s.ElastiCache.PasswordSecret != nil {
		fill(&s.ElastiCache.PasswordSecret.Key, defaultPasswordKey)
	}
	fill(&s.ElastiCache.CASecret.Key, defaultCAKey)

	fillPtr(&s.Pinpoint.PushDelay, metav1.Duration{Duration: 10 * time.Second})

	fill(&s.Telemetry.SampleRatio, "0.01")

	fillPtr(&s.Gateway.Replicas, 2)
	if a := s.Gateway.Autoscaling; a != nil {
		fillAutoscaling(&a.Autoscaling, *s.Gateway.Replicas, a.TargetConnections == nil)
	}
	fillPtr(&s.Gateway.DrainPeriod, metav1.Duration{Duration: time.Minute})
	fillPtr(&s.Gateway.MaxConnections, 10_000)
	fill(&s.Gateway.WebClient, v1alpha1.WebClientDisabled)
	fillPtr(&s.Gateway.Resources, resources("100m", "128Mi", "1Gi"))
	if lb := s.Gateway.Exposure.LoadBalancer; lb != nil {
		fill(&lb.Scheme, "internal")
	}
	fillPtr(&s.Chat.Replicas, 2)
	if a := s.Chat.Autoscaling; a != nil {
		fillAutoscaling(a, *s.Chat.Replicas, true)
	}
	fillPtr(&s.Chat.Resources, resources("100m", "128Mi", "1Gi"))
	fillPtr(&s.Notifications.Replicas, 1)
	if a := s.Notifications.Autoscaling; a != nil {
		fillAutoscaling(&a.Autoscaling, *s.Notifications.Replicas, a.TargetLag == nil)
	}
	fillPtr(&s.Notifications.Resources, resources("50m", "64Mi", "512Mi"))
	fillPtr(&s.Projector.Replicas, 1)
	if a := s.Projector.Autoscaling; a != nil {
		fillAutoscaling(&a.Autoscaling, *s.Projector.Replicas, a.TargetLag == nil)
	}
	fillPtr(&s.Projector.Resources, resources("50m", "64Mi", "512Mi"))

	fillProcessors(&s.Processors)
	if a := s.Admin; a != nil {
		fillPtr(&a.Replicas, 1)
		fillPtr(&a.Resources, resources("50m", "64Mi", "512Mi"))
	}

	fillPtr(&s.Network.Policies, true)
	fillPtr(&s.InternalTLS.Enabled, true)
	if ref := s.InternalTLS.IssuerRef; ref != nil {
		fill(&ref.Kind, "Issuer")
		fill(&ref.Group, "cert-manager.io")
	}
	fillPtr(&s.Telemetry.PodMonitor.Enabled, true)
	return s
}

func fillProcessors(p *v1alpha1.ProcessorsSpec) {
	if p.Spam != nil {
		fillDetector(&p.Spam.DetectorSpec)
	}
	if p.Profanity != nil {
		fillDetector(&p.Profanity.DetectorSpec)
	}
	if p.Fraud != nil {
		fillDetector(p.Fraud)
	}
	if p.Analytics != nil {
		fillProcessor(p.Analytics)
	}
	if p.Audit != nil {
		fillProcessor(&p.Audit.ProcessorSpec)
		if e := p.Audit.Export; e != nil && e.SigningKeySecret != nil {
			fill(&e.SigningKeySecret.Key, "audit.key")
		}
	}
}

func fillDetector(d *v1alpha1.DetectorSpec) {
	fill(&d.Mode, v1alpha1.ProcessorFlag)
	fillProcessor(&d.ProcessorSpec)
}

func fillProcessor(s *v1alpha1.ProcessorSpec) {
	fillPtr(&s.Replicas, 1)
	if a := s.Autoscaling; a != nil {
		fillAutoscaling(&a.Autoscaling, *s.Replicas, a.TargetLag == nil)
	}
	fillPtr(&s.Resources, resources("50m", "64Mi", "512Mi"))
}

// fillAutoscaling fills in the fewest pods and, where there is no other target, the share of the CPU.
func fillAutoscaling(a *v1alpha1.Autoscaling, replicas int32, byCPU bool) {
	fillPtr(&a.MinReplicas, min(replicas, a.MaxReplicas))
	if byCPU {
		fillPtr(&a.TargetCPUPercent, 70)
	}
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func fillPtr[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

func resources(cpu, memory, limit string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)},
	}
}
