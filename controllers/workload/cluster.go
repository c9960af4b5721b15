package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// ManagedBy is the value of app.kubernetes.io/managed-by on everything the operator makes.
const ManagedBy = "chatcluster-operator"

// Labels of everything the operator makes.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelInstance  = "app.kubernetes.io/instance"
	LabelComponent = "app.kubernetes.io/component"
	LabelManagedBy = "app.kubernetes.io/managed-by"
)

// Cluster is what the builders need to know.
type Cluster struct {
	Namespace string
	Name      string
	UID       types.UID
	// Spec is an effective spec: every optional field that the builders read is filled in.
	Spec v1alpha1.ChatClusterSpec
	// Image is the image that is rolled out, which lags behind Spec.Image while a gate is closed.
	Image string
	// ApplicationID is the push application, empty while there is none.
	ApplicationID string
	// TenantAuth is from where the operator lets tenants' keys be fetched.
	TenantAuth config.TenantAuth
	// ExternalID goes with aws.assumeRoleARN.
	ExternalID string
}

// ChildName is the name of a cluster's child.
func (c Cluster) ChildName(suffix string) string { return c.Name + "-" + suffix }

// Labels are the labels of a child that belongs to component. They never include the ChatCluster's own labels.
func (c Cluster) Labels(component string) map[string]string {
	l := c.selector(component)
	l[LabelManagedBy] = ManagedBy
	return l
}

func (c Cluster) selector(component string) map[string]string {
	return map[string]string{LabelName: "chatcluster", LabelInstance: c.Name, LabelComponent: component}
}

func (c Cluster) owner() *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("ChatCluster").
		WithName(c.Name).
		WithUID(c.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}

// hash is short, stable and safe in a name. Its input must marshal deterministically, as structs and maps of strings do.
func hash(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("hash: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5]), nil
}
