package chatcluster

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// What has begun is finished before something new begins: of a thousand ChatClusters that come at once, the first are Ready early
// and none is half done for long.
const (
	begun    = 0
	newcomer = -1
)

// newcomers queues ChatClusters that are new behind those that were begun with, and those that are there already when the
// operator starts behind both. What happens to one later is For's.
type newcomers struct{ handler.Funcs }

// Create implements EventHandler.
func (newcomers) Create(_ context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(e.Object)}
	queue, ok := q.(priorityqueue.PriorityQueue[reconcile.Request])
	if !ok {
		q.Add(request)
		return
	}
	priority := newcomer
	if e.IsInInitialList {
		priority = handler.LowPriority
	}
	queue.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(priority)}, request)
}

// known lets through all but what is new.
func known() predicate.Predicate {
	return predicate.Funcs{CreateFunc: func(event.CreateEvent) bool { return false }}
}
