package workload

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// ComponentPurge is the component of the Job that deletes a tenant's data, its pods, ServiceAccount and ConfigMap.
const ComponentPurge = "purge"

const (
	// LabelTenant on a purge and its pods is the ChatTenant's UID.
	LabelTenant = "chatcluster.io/tenant-uid"
	// AnnotationTenant on a purge is the ChatTenant's namespace/name.
	AnnotationTenant = "chatcluster.io/tenant"
)

// purgeAttempts is how often a purge is tried in a row. Each goes on where the last one was cut off.
const purgeAttempts = 10

// Purge is the deletion of a tenant's data: a Job in the cluster's namespace with a configuration of its own. It belongs to the
// cluster and is not controlled by it: who made it, the tenant's controller, deletes it.
type Purge struct {
	Name      string
	ConfigMap *corev1ac.ConfigMapApplyConfiguration
	Job       *batchv1ac.JobApplyConfiguration
}

// Purge builds the deletion of the data of a tenant by its id, for the ChatTenant of that UID and name.
func (c Cluster) Purge(id string, uid types.UID, tenant types.NamespacedName) (Purge, error) {
	h, err := hash([]string{id, string(uid)})
	if err != nil {
		return Purge{}, err
	}
	data, err := yaml.Marshal(c.Config())
	if err != nil {
		return Purge{}, fmt.Errorf("render configuration: %w", err)
	}
	name := c.ChildName(ComponentPurge + "-" + h)
	labels := map[string]string{
		LabelName: "chatcluster", LabelComponent: ComponentPurge, LabelManagedBy: ManagedBy, LabelTenant: string(uid),
	}
	owner := metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("ChatCluster").
		WithName(c.Name).
		WithUID(c.UID)
	requests := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
	}
	container := corev1ac.Container().
		WithName(ComponentPurge).
		WithArgs("purge", "--config", configDir+"/"+configFile, "--tenant", id).
		WithResources(resources(requests)).
		WithTerminationMessagePolicy(corev1.TerminationMessageReadFile).
		WithEnv(goMemoryLimit(requests)...)
	template, err := c.jobTemplate(name, ComponentPurge, labels, container)
	if err != nil {
		return Purge{}, err
	}
	return Purge{
		Name: name,
		ConfigMap: corev1ac.ConfigMap(name, c.Namespace).
			WithLabels(labels).
			WithOwnerReferences(owner).
			WithImmutable(true).
			WithData(map[string]string{configFile: string(data)}),
		Job: batchv1ac.Job(name, c.Namespace).
			WithLabels(labels).
			WithAnnotations(map[string]string{AnnotationImage: c.Image, AnnotationTenant: tenant.String()}).
			WithOwnerReferences(owner).
			WithSpec(batchv1ac.JobSpec().
				WithBackoffLimit(purgeAttempts).
				// A pod that a node's drain took did not fail.
				WithPodFailurePolicy(batchv1ac.PodFailurePolicy().WithRules(batchv1ac.PodFailurePolicyRule().
					WithAction(batchv1.PodFailurePolicyActionIgnore).
					WithOnPodConditions(batchv1ac.PodFailurePolicyOnPodConditionsPattern().
						WithType(corev1.DisruptionTarget).WithStatus(corev1.ConditionTrue)))).
				WithTemplate(template)),
	}, nil
}
