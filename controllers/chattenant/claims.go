package chattenant

import (
	"context"
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// What a second claimant is told: what to do, and nothing of who came first.
var (
	errIDTaken = fault.Terminal(v1alpha1.ReasonClaimed,
		"the id is taken in this cluster: choose another spec.id in a new ChatTenant, or ask the cluster's owner to release it if it is left from a deleted tenant")
	errIssuerTaken = fault.Terminal(v1alpha1.ReasonClaimed,
		"the issuer speaks to this audience for another tenant of this cluster: have it issue tokens for an audience of your own and name that in "+
			"spec.issuer.audience, or ask the cluster's owner to release it if it is left from a deleted tenant")
)

// claims are who holds what a tenant claims.
type claims struct {
	// id is who holds the id, nil for nobody.
	id *holder
	// issuer is who else holds the issuer, nil for nobody else. mine says that the claim stands for the tenant already.
	issuer *holder
	mine   bool
}

// holder is who holds a claim.
type holder struct {
	record store.TenantRecord
	// gone says that the ChatTenant that took it is no more, released that the cluster's owner lets this namespace have it.
	gone, released bool
}

func (h *holder) free() bool { return h.gone && h.released }

// decision is what to write.
type decision struct {
	write     bool
	record    store.TenantRecord
	from      store.Tenant
	takesOver bool
}

// decide says what to write so that the wanted record stands and its claims with it. It is pure.
func decide(wanted store.TenantRecord, c claims) (decision, error) {
	d := decision{record: wanted}
	if c.id != nil {
		is := c.id.record
		if is.Owner.UID != wanted.Owner.UID {
			if !c.id.free() {
				return d, errIDTaken
			}
			d.takesOver = true
		}
		d.record.Revision = is.Revision
	}
	if c.issuer != nil {
		if !c.issuer.free() {
			return d, errIssuerTaken
		}
		d.from, d.takesOver = c.issuer.record.Tenant, true
	}
	d.write = c.id == nil || !c.mine || !sameRecord(c.id.record, wanted)
	return d, nil
}

// readClaims finds out who holds the wanted record's claims.
func (s *scope) readClaims(ctx context.Context, records store.Tenants, wanted store.TenantRecord) (claims, error) {
	var c claims
	var err error
	if c.id, err = s.holder(ctx, records, s.id); err != nil {
		return c, err
	}
	owner, err := records.TenantOf(ctx, wanted.Issuer.URL, wanted.Issuer.Audience)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return c, nil
	case err != nil:
		return c, err
	case owner == s.id:
		c.mine = true
		return c, nil
	}
	if c.issuer, err = s.holder(ctx, records, owner); err == nil && c.issuer == nil {
		// A claim without a record: nobody's, and only its own write can replace it.
		c.issuer = &holder{record: store.TenantRecord{Tenant: owner}, gone: true, released: true}
	}
	return c, err
}

// holder returns who holds an id, nil for nobody.
func (s *scope) holder(ctx context.Context, records store.Tenants, id store.Tenant) (*holder, error) {
	found, err := records.Tenants(ctx, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	h := &holder{record: found[0]}
	if h.record.Owner.UID == string(s.ct.UID) {
		return h, nil
	}
	h.released = released(s.cc, s.ct.Namespace, id)
	h.gone = h.record.State == store.TenantRetained
	if !h.gone {
		h.gone, err = s.ownerGone(ctx, h.record.Owner)
	}
	return h, err
}

// ownerGone says whether the ChatTenant that took a claim is no more: its finalizer was taken away by force.
func (s *scope) ownerGone(ctx context.Context, o store.TenantOwner) (bool, error) {
	var ct v1alpha1.ChatTenant
	err := s.APIReader.Get(ctx, types.NamespacedName{Namespace: o.Namespace, Name: o.Name}, &ct)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil && string(ct.UID) != o.UID, err
}

// released says whether the cluster's owner lets the namespace have what a deleted tenant retained.
func released(cc *v1alpha1.ChatCluster, namespace string, id store.Tenant) bool {
	list := strings.Split(cc.Annotations[v1alpha1.AnnotationReleaseTenants], ",")
	return slices.ContainsFunc(list, func(entry string) bool { return strings.TrimSpace(entry) == namespace+"/"+string(id) })
}
