package workload

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"
)

// ComponentMigrate is the component of the migration's Job, pods, ServiceAccount and ConfigMap.
const ComponentMigrate = "migrate"

// AnnotationImage on a migration Job is the image that it migrates for, on a Deployment the one that it was made for.
const AnnotationImage = "chatcluster.io/image"

// Migration is one run of `chatd migrate`: the Job and its own configuration, both named by the image and by where the
// database is. They are made once and never changed.
type Migration struct {
	Name      string
	ConfigMap *corev1ac.ConfigMapApplyConfiguration
	Job       *batchv1ac.JobApplyConfiguration
}

// Migration builds the migration of c.Image. The name depends on nothing that a migration does not depend on: scaling a
// cluster, or moving its cache, migrates nothing.
func (c Cluster) Migration() (Migration, error) {
	cfg := c.Config()
	h, err := hash(struct {
		Image    string
		Postgres any
		Secret   any
		Limits   any
	}{c.Image, cfg.Postgres, c.Spec.Aurora.PasswordSecret, c.Spec.Aurora.Migrations})
	if err != nil {
		return Migration{}, err
	}
	data, err := yaml.Marshal(cfg)
	if err != nil {
		return Migration{}, fmt.Errorf("render configuration: %w", err)
	}
	name := c.ChildName(ComponentMigrate + "-" + h)
	requests := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
	}
	container := corev1ac.Container().
		WithName(ComponentMigrate).
		WithArgs("migrate", "--config", configDir+"/"+configFile).
		WithResources(resources(requests)).
		WithTerminationMessagePolicy(corev1.TerminationMessageReadFile).
		WithEnv(goMemoryLimit(requests)...)
	pod := c.pod(name, container).
		WithServiceAccountName(c.ChildName(ComponentMigrate)).
		WithRestartPolicy(corev1.RestartPolicyNever).
		WithTerminationGracePeriodSeconds(30)
	job := batchv1ac.Job(name, c.Namespace).
		WithLabels(c.Labels(ComponentMigrate)).
		WithAnnotations(map[string]string{AnnotationImage: c.Image}).
		WithOwnerReferences(c.owner()).
		WithSpec(batchv1ac.JobSpec().
			WithBackoffLimit(*c.Spec.Aurora.Migrations.BackoffLimit).
			WithActiveDeadlineSeconds(seconds(*c.Spec.Aurora.Migrations.Timeout)).
			WithTemplate(corev1ac.PodTemplateSpec().
				WithLabels(c.Labels(ComponentMigrate)).
				WithSpec(pod)))
	return Migration{Name: name, ConfigMap: c.configMap(name, ComponentMigrate, data), Job: job}, nil
}
