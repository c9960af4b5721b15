package chattenant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// provision brings the tenant's record to what the spec says.
func (s *scope) provision(ctx context.Context) finding {
	if err := s.findCluster(ctx); err != nil {
		return failed(err)
	}
	key := clusterKey(s.ct)
	if s.cc == nil && key.Namespace == s.ct.Namespace {
		return pending(v1alpha1.ReasonPending, "waits for ChatCluster "+key.String(), 0)
	}
	allowed := false
	if s.cc != nil {
		var err error
		if allowed, err = s.allowed(ctx); err != nil {
			return failed(err)
		}
	}
	if !allowed {
		return s.notAllowed(ctx)
	}
	switch {
	case !s.cc.DeletionTimestamp.IsZero():
		return pending(v1alpha1.ReasonPending, "ChatCluster "+key.String()+" is being deleted", 0)
	case s.cc.Spec.Paused:
		return pending(v1alpha1.ReasonPaused, "ChatCluster "+key.String()+" is paused: nothing is changed until it is not", 0)
	case s.ct.Status.ID == "" && !meta.IsStatusConditionTrue(s.cc.Status.Conditions, v1alpha1.ConditionTablesReady):
		return pending(v1alpha1.ReasonPending, "waits for the tables of ChatCluster "+key.String(), 0)
	}
	if err := s.policy(); err != nil {
		return failed(err)
	}
	state := store.TenantActive
	if s.ct.Spec.Suspended {
		state = store.TenantSuspended
	}
	f := s.keepRecord(ctx, wantedRecord(s.ct, s.id, state))
	if f.ready() {
		push := s.push(ctx)
		f.push = &push
	}
	return f
}

// policy checks the spec against what the operator and the cluster allow. The cluster's own issuers and their tenants are nobody else's.
func (s *scope) policy() error {
	spec := s.ct.Spec
	where := spec.Issuer.JWKSURL
	if where == "" {
		where = spec.Issuer.URL
	}
	if !s.Options.AllowInsecureIssuers && !strings.HasPrefix(where, "https://") {
		return fault.Terminal(v1alpha1.ReasonNotAllowed, "issuer: the keys are not fetched over https, which this operator does not allow (--allow-insecure-issuers)")
	}
	for _, i := range s.cc.Spec.Auth.Issuers {
		if store.Tenant(i.Tenant) == s.id {
			return errIDTaken
		}
		if i.Issuer == spec.Issuer.URL && i.Audience == spec.Issuer.Audience {
			return errIssuerTaken
		}
	}
	return nil
}

// keepRecord reads the claims and the record, and writes them if they are not as wanted.
func (s *scope) keepRecord(ctx context.Context, wanted store.TenantRecord) finding {
	records, err := s.Clusters.Tenants(ctx, s.cc)
	if err != nil {
		return failed(err)
	}
	c, err := s.readClaims(ctx, records, wanted)
	if err != nil {
		return failed(fault.AWS("DynamoDB", "read the tenant's claims", err))
	}
	d, err := decide(wanted, c)
	if err != nil {
		s.tellClusterOwner(c)
		if c.id != nil && c.id.record.Owner != wanted.Owner {
			s.ct.Status.ID = ""
		}
		return failed(err)
	}
	if d.write {
		if f := s.write(ctx, records, d); !f.ready() {
			return f
		}
	}
	s.ct.Status.ID = string(s.id)
	return finding{suspended: wanted.State == store.TenantSuspended}
}

// write makes the one write of a pass.
func (s *scope) write(ctx context.Context, records store.Tenants, d decision) finding {
	_, err := records.PutTenant(ctx, d.record, d.from)
	switch {
	case errors.Is(err, store.ErrChanged), errors.Is(err, store.ErrClaimed):
		return pending(v1alpha1.ReasonProgressing, "the tenant's claims changed meanwhile: looks again", afterStep)
	case err != nil:
		return failed(fault.AWS("DynamoDB", "write the tenant's record", err))
	}
	switch {
	case d.takesOver:
		s.event("ClaimsTakenOver", "Claim", "Took over what was retained under the id %s, which the owner of ChatCluster %s released", s.id, clusterKey(s.ct))
	case d.record.Revision == 0:
		s.event("Claimed", "Claim", "Took the id %s and the issuer in ChatCluster %s", s.id, clusterKey(s.ct))
	}
	return finding{}
}

// notAllowed says that the namespace may not use the cluster, in words that do not tell whether there is such a cluster. A tenant that
// was allowed before is not served any more.
func (s *scope) notAllowed(ctx context.Context) finding {
	key := clusterKey(s.ct)
	err := fault.Terminal(v1alpha1.ReasonNotAllowed,
		"ChatCluster %s does not exist or does not allow tenants of namespace %s: ask its owner to allow the namespace in spec.tenants.allowedNamespaces", key, s.ct.Namespace)
	if s.cc == nil || s.ct.Status.ID == "" || s.cc.Spec.Paused || !s.cc.DeletionTimestamp.IsZero() {
		return failed(err)
	}
	if f := s.keepRecord(ctx, wantedRecord(s.ct, s.id, store.TenantSuspended)); !f.ready() {
		return f
	}
	return failed(err)
}

// tellClusterOwner tells who may release a claim of which one is in the way. The tenant itself must not learn it.
func (s *scope) tellClusterOwner(c claims) {
	for _, in := range []*holder{c.id, c.issuer} {
		if in == nil || !in.gone || in.released {
			continue
		}
		s.emit(s.cc, "Warning", "TenantRefused", "Claim", "%s",
			fmt.Sprintf("ChatTenant %s/%s is refused for what the deleted tenant %s retained: annotate with %s=%s/%s to let that namespace have it",
				s.ct.Namespace, s.ct.Name, in.record.Tenant, v1alpha1.AnnotationReleaseTenants, s.ct.Namespace, in.record.Tenant))
		return
	}
}
