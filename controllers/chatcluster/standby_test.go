package chatcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
)

func ready(cc *v1alpha1.ChatCluster) bool {
	return meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady) && cc.Status.ObservedGeneration == cc.Generation
}

// When the leader dies, the standby takes over what is going on, does nothing twice, and writes nothing where nothing is to be done.
func TestStandbyTakesOver(t *testing.T) {
	w := newQuietWorld(t)
	election := func() ctrl.Options {
		return ctrl.Options{
			LeaderElection: true, LeaderElectionID: "operator", LeaderElectionNamespace: w.namespace, LeaderElectionConfig: adminConfig,
			// As if it were killed: it gives nothing back.
			LeaderElectionReleaseOnCancel: false,
			LeaseDuration:                 ptr.To(3 * time.Second), RenewDeadline: ptr.To(2 * time.Second), RetryPeriod: ptr.To(500 * time.Millisecond),
		}
	}
	holder := func() string {
		var lease coordinationv1.Lease
		if err := admin.Get(t.Context(), w.key("operator"), &lease); err != nil {
			return ""
		}
		return ptr.Deref(lease.Spec.HolderIdentity, "")
	}
	options := Options{Operator: "suite", ObserveEvery: time.Hour}
	kill := w.manage(election(), w.external(), options)
	w.awaitThat("a leader", func() bool { return holder() != "" })
	first := holder()
	w.manage(election(), w.external(), options)

	w.create(nil)
	w.await("everything but the pods", func(*v1alpha1.ChatCluster) bool {
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		return slices.Contains(w.deployments(), "demo-chat")
	})
	kill()
	w.awaitThat("the standby to lead", func() bool { return holder() != first })
	w.await("Ready", func(cc *v1alpha1.ChatCluster) bool {
		w.play()
		return ready(cc)
	})
	seen := map[string]int{}
	for _, write := range w.takeWrites() {
		// Children are patched, and made, once; what was outside is made once.
		if strings.Contains(write, "/status") || strings.Contains(write, "leases") {
			continue
		}
		most := 1
		if strings.HasSuffix(write, "/secrets") {
			most = 3 // the CA's and two roles'
		}
		if seen[write]++; seen[write] > most {
			t.Errorf("done twice: %s", write)
		}
	}

	outside := len(w.dynamo.Writes()) + len(w.pinpoint.Writes())
	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Annotations = map[string]string{v1alpha1.AnnotationReconcile: "now"}
	})
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.Replicas = ptr.To[int32](3) })
	w.await("the second leader to act on an edit", func(cc *v1alpha1.ChatCluster) bool {
		w.play()
		return ready(cc) && ptr.Deref(w.deployment("gateway").Spec.Replicas, 0) == 3
	})
	for _, write := range w.takeOwnWrites() {
		if !strings.Contains(write, "/status") && !strings.HasSuffix(write, "/deployments/demo-gateway") {
			t.Errorf("an edit of the gateways' number wrote %s", write)
		}
	}
	if n := len(w.dynamo.Writes()) + len(w.pinpoint.Writes()) - outside; n > 0 {
		t.Errorf("an edit of the gateways' number caused %d calls that change something on AWS", n)
	}
}

// deaf is a DynamoDB that does not answer.
type deaf struct {
	dynamodb.API
	asked func()
}

func (d deaf) DescribeTable(ctx context.Context, _ *awsdynamodb.DescribeTableInput, _ ...func(*awsdynamodb.Options)) (*awsdynamodb.DescribeTableOutput, error) {
	d.asked()
	<-ctx.Done()
	return nil, ctx.Err()
}

// Many ChatClusters whose tables do not answer hang in the hands of a few workers; one that works is made Ready meanwhile, and an
// edit of it is obeyed.
func TestHangingChatClustersDelayNobody(t *testing.T) {
	const hanging, region = 16, "eu-south-1"
	w := newQuietWorld(t)
	var mu sync.Mutex
	asked := 0
	external := w.external()
	external.DynamoDB = func(a awsclient.Access) (dynamodb.API, error) {
		if a.Region != region {
			return w.dynamo, nil
		}
		return deaf{w.dynamo, func() {
			mu.Lock()
			defer mu.Unlock()
			asked++
		}}, nil
	}
	w.manage(ctrl.Options{}, external, Options{Operator: "suite", ObserveEvery: time.Hour, Patience: time.Second})
	for i := range hanging {
		cc := w.cluster(func(s *v1alpha1.ChatClusterSpec) { s.AWS.Region, s.Aurora.Database = region, fmt.Sprint("chat", i) })
		cc.Name = fmt.Sprint("deaf-", i)
		if err := admin.Create(t.Context(), cc); err != nil {
			t.Fatal(err)
		}
	}
	w.awaitThat("some to hang", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return asked >= 2
	})
	w.create(nil)
	w.await("Ready", func(cc *v1alpha1.ChatCluster) bool {
		w.play()
		return ready(cc)
	})
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Chat.Replicas = ptr.To[int32](3) })
	w.await("an edit to be obeyed", func(cc *v1alpha1.ChatCluster) bool {
		w.play()
		return ready(cc)
	})
	w.awaitThat("one of the others to say what is wrong", func() bool {
		var list v1alpha1.ChatClusterList
		if err := admin.List(t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list.Items, func(cc v1alpha1.ChatCluster) bool {
			c := meta.FindStatusCondition(cc.Status.Conditions, v1alpha1.ConditionTablesReady)
			return cc.Spec.AWS.Region == region && c != nil && !slices.Contains(goingWell, c.Reason)
		})
	})
}
