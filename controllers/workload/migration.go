package workload

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
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

// MigrationStep is what a run of `chatd migrate` does; it is part of the Job's name.
type MigrationStep string

// Steps of a migration.
const (
	// StepPreview tells what the image would do, and changes nothing.
	StepPreview MigrationStep = "preview"
	// StepExpand makes the schema fit for the image, and leaves it fit for the one before.
	StepExpand MigrationStep = "migrate"
	// StepContract removes what the image before the previous one needed, once the image has rolled out.
	StepContract MigrationStep = "contract"
)

func (m MigrationStep) args() []string {
	switch m {
	case StepPreview:
		return []string{"--preview"}
	case StepContract:
		return []string{"--contract"}
	}
	return nil
}

// Migration is one run of `chatd migrate`: the Job and its own configuration, both named by the image and by where the
// database is. They are made once and never changed.
type Migration struct {
	Name      string
	ConfigMap *corev1ac.ConfigMapApplyConfiguration
	Job       *batchv1ac.JobApplyConfiguration
}

// MigrationName is the Migration's, and depends on nothing that a migration does not depend on: scaling a cluster, or moving
// its cache, migrates nothing.
func (c Cluster) MigrationName(step MigrationStep) (string, error) {
	limits := c.Spec.Aurora.Migrations
	limits.Approval = ""
	h, err := hash(struct {
		Image    string
		Postgres any
		Secret   any
		Limits   any
	}{c.Image, c.Config().Postgres, c.Spec.Aurora.PasswordSecret, limits})
	return c.ChildName(string(step) + "-" + h), err
}

// Migration builds a step of the migration of c.Image.
func (c Cluster) Migration(step MigrationStep) (Migration, error) {
	name, err := c.MigrationName(step)
	if err != nil {
		return Migration{}, err
	}
	data, err := yaml.Marshal(c.Config())
	if err != nil {
		return Migration{}, fmt.Errorf("render configuration: %w", err)
	}
	requests := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
	}
	container := corev1ac.Container().
		WithName(ComponentMigrate).
		WithArgs(append([]string{"migrate", "--config", configDir + "/" + configFile}, step.args()...)...).
		WithResources(resources(requests)).
		WithTerminationMessagePolicy(corev1.TerminationMessageReadFile).
		WithEnv(goMemoryLimit(requests)...)
	template, err := c.jobTemplate(name, ComponentMigrate, c.Labels(ComponentMigrate), container)
	if err != nil {
		return Migration{}, err
	}
	job := batchv1ac.Job(name, c.Namespace).
		WithLabels(c.Labels(ComponentMigrate)).
		WithAnnotations(map[string]string{AnnotationImage: c.Image}).
		WithOwnerReferences(c.owner()).
		WithSpec(batchv1ac.JobSpec().
			WithBackoffLimit(*c.Spec.Aurora.Migrations.BackoffLimit).
			WithActiveDeadlineSeconds(seconds(*c.Spec.Aurora.Migrations.Timeout)).
			// A pod that a node's drain took did not fail.
			WithPodFailurePolicy(batchv1ac.PodFailurePolicy().WithRules(batchv1ac.PodFailurePolicyRule().
				WithAction(batchv1.PodFailurePolicyActionIgnore).
				WithOnPodConditions(batchv1ac.PodFailurePolicyOnPodConditionsPattern().
					WithType(corev1.DisruptionTarget).WithStatus(corev1.ConditionTrue)))).
			WithTemplate(template))
	return Migration{Name: name, ConfigMap: c.configMap(name, ComponentMigrate, data), Job: job}, nil
}
