package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the API group and version of this package. The generated code reads it as SchemeGroupVersion, too.
	GroupVersion = schema.GroupVersion{Group: "chatcluster.io", Version: "v1alpha1"}
	// SchemeGroupVersion is GroupVersion under the name that client-go's generators use.
	SchemeGroupVersion = GroupVersion

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme registers the types of this package.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &ChatCluster{}, &ChatClusterList{}, &ChatTenant{}, &ChatTenantList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
