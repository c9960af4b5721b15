package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tenants"
)

// tenants is the directory of those that the configuration does not name. Whoever makes it runs it.
func (r role) tenants(b backends) (*tenants.Directory, error) {
	own := []store.Tenant{auth.Admin}
	for _, i := range r.cfg.Auth.Issuers {
		own = append(own, store.Tenant(i.Tenant))
	}
	return tenants.New(tenants.Options{Store: b.store, Own: own, Log: r.log})
}

// applications tells through which push application a tenant's pushes go: its own where its record names one, or the cluster's.
type applications struct {
	directory *tenants.Directory
	cluster   string
}

func (a applications) Application(ctx context.Context, t store.Tenant) (string, error) {
	r, err := a.directory.Tenant(ctx, t)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return a.cluster, nil
	case err != nil:
		return "", err
	}
	return cmp.Or(r.PushApplication, a.cluster), nil
}

// verifier judges tokens of the configuration's issuers and of the tenants'.
func (r role) verifier(directory *tenants.Directory) (*auth.Verifier, error) {
	o := auth.Options{Tenants: directory, TenantHTTP: r.cfg.Auth.Tenants.AllowHTTP, Log: r.log}
	if r.cfg.Auth.Tenants.AllowPrivate {
		o.TenantTransport = auth.AnyTransport()
	}
	return auth.New(r.cfg.Auth.Issuers, o)
}
