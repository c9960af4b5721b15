package chatcluster

import (
	"bytes"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// replicasPath is where a Deployment says how many pods it has.
var replicasPath = fieldpath.MakePathOrDie("spec", "replicas")

// othersSetReplicas tells whether another than the operator has set the number of pods last: an autoscaler, or a person who
// scaled by hand.
func othersSetReplicas(o client.Object) bool {
	for _, entry := range o.GetManagedFields() {
		if entry.Manager == string(FieldOwner) && entry.Subresource == "" || entry.FieldsV1 == nil {
			continue
		}
		fields := &fieldpath.Set{}
		if err := fields.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err == nil && fields.Has(replicasPath) {
			return true
		}
	}
	return false
}
