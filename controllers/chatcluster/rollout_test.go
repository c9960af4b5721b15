package chatcluster

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/controllers/workload"
)

func TestDeploymentFacts(t *testing.T) {
	cases := map[string]struct {
		reason  string
		status  *appsv1.DeploymentStatus // nil: there is no Deployment yet
		changed bool
		message string // empty: ready
	}{
		"Created": {reason: "it was not there a moment ago", message: "the Deployment was created"},
		"Changed": {
			reason: "what its status says is of before", changed: true,
			status:  &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
			message: "the Deployment was changed",
		},
		"NotObserved": {
			reason:  "its controller has not seen the change",
			status:  &appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
			message: "the Deployment was changed",
		},
		"Settled": {
			reason: "all pods are new, available, and as many as wanted",
			status: &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
		},
		"OldPodsLeft": {
			reason:  "an old pod still serves",
			status:  &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 2, AvailableReplicas: 3},
			message: "2 of 2 pods are updated, 3 available",
		},
		"NotAvailable": {
			reason:  "a new pod does not serve yet",
			status:  &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1},
			message: "2 of 2 pods are updated, 1 available",
		},
		"ScalingDown": {
			reason:  "pods that are not wanted any more are still counted",
			status:  &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, AvailableReplicas: 3},
			message: "3 pods run, 2 are wanted",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var d *appsv1.Deployment
			if tc.status != nil {
				d = &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: *tc.status}
			}
			_, got := deploymentFacts(workload.Role{Name: workload.RoleGateway, Replicas: 2}, d, tc.changed)
			if got.ready() != (tc.message == "") || got.message != tc.message {
				t.Errorf("%s: ready %t with %q, want %q", tc.reason, got.ready(), got.message, tc.message)
			}
		})
	}
}
