package chattenant

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// finalize lets go of what the tenant has. It returns the zero finding when nothing is left to do.
func (s *scope) finalize(ctx context.Context) finding {
	if err := s.findCluster(ctx); err != nil {
		return failed(err)
	}
	key := clusterKey(s.ct)
	switch {
	case s.cc == nil:
		return finding{} // the records went with the cluster, or are out of reach for good
	case !s.cc.DeletionTimestamp.IsZero() && s.cc.Spec.DeletionPolicy == v1alpha1.DeletionDelete:
		return s.dropPush(ctx, pinpoint.Delete) // the cluster's deletion takes the rest with it
	case s.cc.Spec.Paused:
		return pending(v1alpha1.ReasonPaused, "ChatCluster "+key.String()+" is paused: deletion waits until it is not", 0)
	}
	records, err := s.Clusters.Tenants(ctx, s.cc)
	if err != nil {
		return s.unreachable(ctx, err)
	}
	found, err := records.Tenants(ctx, s.id)
	if err != nil {
		return failed(fault.AWS("DynamoDB", "read the tenant's record", err))
	}
	if len(found) == 0 || found[0].Owner.UID != string(s.ct.UID) {
		return s.cleanUp(ctx) // it never got the id, or gave it back, or somebody released it
	}
	switch {
	case s.ct.Spec.DeletionPolicy != v1alpha1.DeletionDelete:
		return s.retain(ctx, records, found[0])
	case !s.cc.DeletionTimestamp.IsZero():
		s.warning("NotPurged", "Delete", "ChatCluster %s is being deleted and retains its data: what tenant %s has stays in it", key, s.id)
		return s.retain(ctx, records, found[0])
	}
	return s.purge(ctx, records, found[0])
}

// retain leaves the data and the claims.
func (s *scope) retain(ctx context.Context, records store.Tenants, r store.TenantRecord) finding {
	if f := s.dropPush(ctx, pinpoint.Release); !f.ready() {
		return f
	}
	if r.State == store.TenantRetained {
		return finding{}
	}
	r.State = store.TenantRetained
	if f := s.put(ctx, records, r); !f.ready() {
		return f
	}
	s.event("Retained", "Release", "Left as they are: the data of tenant %s in ChatCluster %s, and the claims on its id and its issuer, which the cluster's owner can release",
		s.id, clusterKey(s.ct))
	return finding{}
}

func (s *scope) put(ctx context.Context, records store.Tenants, r store.TenantRecord) finding {
	_, err := records.PutTenant(ctx, r, "")
	switch {
	case errors.Is(err, store.ErrChanged):
		return pending(v1alpha1.ReasonDeleting, "the tenant's record changed meanwhile: looks again", afterStep)
	case err != nil:
		return failed(fault.AWS("DynamoDB", "write the tenant's record", err))
	}
	return finding{}
}

// unreachable lets go when the cluster's namespace is going, and with it what is needed to reach the records: nobody can do more.
func (s *scope) unreachable(ctx context.Context, cause error) finding {
	namespace := namespaceMeta()
	if err := s.Get(ctx, types.NamespacedName{Name: s.cc.Namespace}, namespace); err != nil {
		return failed(errors.Join(cause, err))
	}
	if namespace.DeletionTimestamp.IsZero() {
		return failed(cause)
	}
	s.warning("Abandoned", "Delete", "The namespace of ChatCluster %s is being deleted and its tables cannot be reached: what tenant %s has is left as it is", clusterKey(s.ct), s.id)
	return finding{}
}
