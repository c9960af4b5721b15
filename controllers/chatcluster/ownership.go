package chatcluster

import (
	"bytes"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// replicasPath is where a Deployment says how many pods it has.
var replicasPath = fieldpath.MakePathOrDie("spec", "replicas")

// othersSetReplicas tells whether another than the operator has set the number of pods last: an autoscaler, or a person who
// scaled by hand.
func othersSetReplicas(o client.Object) bool {
	for _, entry := range o.GetManagedFields() {
		if setsReplicas(entry) {
			return true
		}
	}
	return false
}

// setsReplicas tells whether an entry is another's than the operator's and holds the number of pods.
func setsReplicas(entry metav1.ManagedFieldsEntry) bool {
	if entry.Manager == string(FieldOwner) && entry.Subresource == "" || entry.FieldsV1 == nil {
		return false
	}
	fields := &fieldpath.Set{}
	err := fields.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes()))
	return err == nil && fields.Has(replicasPath)
}
