package workload

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// listsDir is where a detector finds the lists of its ConfigMap.
const listsDir = "/etc/chatcluster-lists"

// processors are the roles of the stream processors that the spec names.
func (c Cluster) processors() []Role {
	p := c.Spec.Processors
	var roles []Role
	add := func(name string, s *v1alpha1.ProcessorSpec, uses ...arrow) *Role {
		r := Role{
			Name: name, Replicas: *s.Replicas, Resources: *s.Resources, Settings: s.PodSettings,
			GraceSeconds: 10 + stopMargin, Unavailable: intstr.FromInt32(1), uses: append(uses, toKafka, toCollector),
		}
		r.consume(s.Autoscaling)
		roles = append(roles, r)
		return &roles[len(roles)-1]
	}
	for _, name := range []string{RoleSpam, RoleProfanity, RoleFraud} {
		if d := Detector(p, name); d != nil {
			// Tenants' records say what each of them wants.
			r := add(name, &d.ProcessorSpec, toDynamoDB, toRedis)
			r.Lists = ptr.Deref(d.Lists, v1alpha1.ConfigMapReference{}).Name
		}
	}
	if p.Analytics != nil {
		add(RoleAnalytics, p.Analytics, toPostgres)
	}
	if p.Audit != nil {
		uses := []arrow{toPostgres}
		if p.Audit.Export != nil {
			uses = append(uses, toS3)
		}
		r := add(RoleAudit, &p.Audit.ProcessorSpec, uses...)
		if e := p.Audit.Export; e != nil && e.SigningKeySecret != nil {
			r.SigningKey = *e.SigningKeySecret
		}
	}
	return roles
}

// Detector is what a spec says of a detector, nil for nothing.
func Detector(p v1alpha1.ProcessorsSpec, role string) *v1alpha1.DetectorSpec {
	switch {
	case role == RoleSpam && p.Spam != nil:
		return &p.Spam.DetectorSpec
	case role == RoleProfanity && p.Profanity != nil:
		return &p.Profanity.DetectorSpec
	case role == RoleFraud:
		return p.Fraud
	}
	return nil
}

func (c Cluster) detectors() config.Processors {
	one := func(role string) *config.Detector {
		d := Detector(c.Spec.Processors, role)
		if d == nil {
			return nil
		}
		out := &config.Detector{Mode: string(d.Mode), Threshold: int(ptr.Deref(d.Threshold, 0)), Action: strings.ToLower(string(d.Action))}
		if d.MuteSenderFor != nil {
			out.MuteSenderFor = *d.MuteSenderFor
		}
		if d.Lists != nil {
			out.ListsDir = listsDir
		}
		return out
	}
	out := config.Processors{Spam: one(RoleSpam), Profanity: one(RoleProfanity), Fraud: one(RoleFraud)}
	if s := c.Spec.Processors.Spam; s != nil && s.Limits != nil {
		limit := func(n *int32) int { return int(ptr.Deref(n, 0)) }
		l := s.Limits
		out.Spam.Limits = config.SpamLimits{
			Velocity: limit(l.Velocity), FanOut: limit(l.FanOut), Duplicates: limit(l.Duplicates), Spread: limit(l.Spread), NewContacts: limit(l.NewContacts),
			NewFor: ptr.Deref(l.NewFor, config.Duration{}),
		}
	}
	if s := c.Spec.Processors.Profanity; s != nil {
		for _, l := range s.Locales {
			out.Profanity.Locales = append(out.Profanity.Locales, string(l))
		}
	}
	return out
}

// Where the audit role finds the key that signs exports, and no other role does.
const (
	signingDir  = "/etc/chatcluster-signing"
	signingFile = "audit.key"
)

func (c Cluster) audit() config.Audit {
	a := c.Spec.Processors.Audit
	if a == nil || a.Export == nil {
		return config.Audit{}
	}
	e := a.Export
	out := config.Audit{ExportTo: e.To, RetainFor: e.RetainFor, Governance: e.LockMode == "Governance", ExportEvery: ptr.Deref(e.Every, config.Duration{})}
	if e.SigningKeySecret != nil {
		out.SigningKeyFile = signingDir + "/" + signingFile
	}
	return out
}

// mountSigningKey gives the audit role its key.
func mountSigningKey(r Role, pod *corev1ac.PodSpecApplyConfiguration, container *corev1ac.ContainerApplyConfiguration) {
	if r.SigningKey.Name == "" {
		return
	}
	container.WithVolumeMounts(corev1ac.VolumeMount().WithName("signing").WithMountPath(signingDir).WithReadOnly(true))
	pod.WithVolumes(corev1ac.Volume().WithName("signing").WithSecret(corev1ac.SecretVolumeSource().
		WithSecretName(r.SigningKey.Name).WithDefaultMode(0o440).
		WithItems(corev1ac.KeyToPath().WithKey(r.SigningKey.Key).WithPath(signingFile))))
}

// mountLists gives a detector its lists. A ConfigMap that is not there keeps no pod from starting: its lists are read once it is.
func mountLists(r Role, pod *corev1ac.PodSpecApplyConfiguration, container *corev1ac.ContainerApplyConfiguration) {
	if r.Lists == "" {
		return
	}
	container.WithVolumeMounts(corev1ac.VolumeMount().WithName("lists").WithMountPath(listsDir).WithReadOnly(true))
	pod.WithVolumes(corev1ac.Volume().WithName("lists").
		WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(r.Lists).WithOptional(true)))
}
