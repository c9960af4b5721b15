package chattenant

import (
	"maps"
	"strings"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// wantedRecord is the record that the spec asks for. It is pure.
func wantedRecord(ct *v1alpha1.ChatTenant, id store.Tenant, state store.TenantState) store.TenantRecord {
	spec := ct.Spec
	r := store.TenantRecord{
		Tenant: id, State: state,
		Owner:  store.TenantOwner{Namespace: ct.Namespace, Name: ct.Name, UID: string(ct.UID)},
		Issuer: store.TenantIssuer{URL: spec.Issuer.URL, Audience: spec.Issuer.Audience, JWKSURL: spec.Issuer.JWKSURL},
	}
	if n := spec.Quotas.Connections; n != nil {
		r.MaxConnections = int(*n)
	}
	if n := spec.Quotas.MessagesPerSecond; n != nil {
		r.MessagesPerSecond = int(*n)
	}
	if spec.Push != nil {
		r.PushApplication = ct.Status.Push.ApplicationID
	}
	if d := spec.Retention.Messages; d != nil {
		r.Retention = d.Duration
	}
	if d := spec.Retention.History; d != nil {
		r.History = d.Duration
	}
	for _, m := range spec.Moderation {
		if r.Detectors == nil {
			r.Detectors = map[string]store.Detector{}
		}
		d := store.Detector{Mode: strings.ToLower(string(m.Mode))}
		if m.Threshold != nil {
			d.Threshold = int(*m.Threshold)
		}
		r.Detectors[m.Detector] = d
	}
	return r
}

// sameRecord says whether a stored record is the wanted one, whenever it was written.
func sameRecord(stored, wanted store.TenantRecord) bool {
	return stored.State == wanted.State && stored.Owner == wanted.Owner && stored.Issuer == wanted.Issuer &&
		stored.MaxConnections == wanted.MaxConnections && stored.MessagesPerSecond == wanted.MessagesPerSecond &&
		stored.Retention == wanted.Retention && stored.History == wanted.History && stored.PushApplication == wanted.PushApplication &&
		maps.Equal(stored.Detectors, wanted.Detectors)
}
