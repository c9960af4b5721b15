package chatcluster

import (
	"cmp"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func TestDeploymentFacts(t *testing.T) {
	cases := map[string]struct {
		reason  string
		status  *appsv1.DeploymentStatus // nil: there is no Deployment yet
		changed bool
		message string // empty: ready
		because string // RollingOut when empty
		scaling *workload.Scaling
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
		"DeadlinePassed": {
			reason: "the Deployment controller has given up waiting",
			status: &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 1, AvailableReplicas: 2, Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", Message: "it has timed out"},
			}},
			message: "1 of 2 pods are updated, 2 available; it has timed out", because: v1alpha1.ReasonRolloutFailed,
		},
		"MoreThanFewest": {
			reason: "pods that an autoscaler adds are not waited for", scaling: &workload.Scaling{Max: 9},
			status: &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 5, UpdatedReplicas: 5, AvailableReplicas: 3},
		},
		"OldPodsBeyondFewest": {
			reason: "old pods are, whoever wanted how many", scaling: &workload.Scaling{Max: 9},
			status:  &appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 5, UpdatedReplicas: 4, AvailableReplicas: 5},
			message: "4 of 5 pods are updated, 5 available",
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
				d = &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](5)}, Status: *tc.status}
			}
			_, got := deploymentFacts(workload.Role{Name: workload.RoleGateway, Replicas: 2, Scaling: tc.scaling}, d, tc.changed)
			if got.ready() != (tc.message == "") || got.message != tc.message {
				t.Errorf("%s: ready %t with %q, want %q", tc.reason, got.ready(), got.message, tc.message)
			}
			if want := cmp.Or(tc.because, v1alpha1.ReasonRollingOut); !got.ready() && got.reason != want {
				t.Errorf("%s: the reason is %s, want %s", tc.reason, got.reason, want)
			}
		})
	}
}
