package chatcluster

import (
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Tenants are the records in a ChatCluster's tenants table, reached as its tables are.
func (r *Reconciler) Tenants(ctx context.Context, cc *v1alpha1.ChatCluster) (store.Tenants, error) {
	s := r.scope(cc)
	access, err := s.tenantsAccess(ctx)
	var missing *missingSecretError
	if errors.As(err, &missing) {
		return nil, fault.Transient(v1alpha1.ReasonPending, "%s", missing)
	}
	if err != nil {
		return nil, err
	}
	return r.External.Tenants(access, s.spec.DynamoDB.TablePrefix)
}

// tenantsAccess is how the tenants table is reached. A cluster's thousands of tenants do not read its credentials each for
// itself: they are read again when their Secret changes, of which the watch tells, and now and then.
func (s *scope) tenantsAccess(ctx context.Context) (awsclient.Access, error) {
	if s.spec.AWS.Credentials.SecretName == "" {
		return s.awsAccess(ctx, s.spec.AWS.Endpoints.DynamoDB)
	}
	if found, ok := s.memo.get(s.cc.UID, "tenants", s.spec.AWS); ok {
		return found.(awsclient.Access), nil
	}
	access, err := s.awsAccess(ctx, s.spec.AWS.Endpoints.DynamoDB)
	if err == nil {
		s.memo.put(s.cc.UID, "tenants", s.spec.AWS, access, jitter(s.Options.ObserveEvery/5))
	}
	return access, err
}

// Push is how a ChatCluster's tenants reach the push service, as it does itself.
func (r *Reconciler) Push(ctx context.Context, cc *v1alpha1.ChatCluster) (pinpoint.Account, error) {
	s := r.scope(cc)
	api, err := s.pinpoint(ctx)
	var missing *missingSecretError
	if errors.As(err, &missing) {
		err = fault.Transient(v1alpha1.ReasonPending, "%s", missing)
	}
	return pinpoint.Account{API: api, Operator: r.Options.Operator, Tags: s.userTags()}, err
}

// Workload is what the builders need of a ChatCluster, with the image that serves.
func (r *Reconciler) Workload(cc *v1alpha1.ChatCluster) workload.Cluster {
	c := r.scope(cc).cluster
	if cc.Status.Image != "" {
		c.Image = cc.Status.Image
	}
	return c
}

func (o Options) tenantAuth() config.TenantAuth {
	return config.TenantAuth{AllowHTTP: o.AllowInsecureIssuers, AllowPrivate: o.AllowInsecureIssuers || o.AllowPrivateIssuers}
}
