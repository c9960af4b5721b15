package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/analytics"
	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/mutes"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// runAdmin serves administration. It shows chat pods a gateway's certificate, and only asks.
func runAdmin(ctx context.Context, r role, o *ops) error {
	b, err := r.backends(ctx)
	if err != nil {
		return err
	}
	defer b.cache.Close()
	model, err := readmodel.Open(r.cfg.Postgres, readmodel.Options{Application: r.clientID()})
	if err != nil {
		return err
	}
	defer model.Close()
	producer, err := r.producer()
	if err != nil {
		return err
	}
	defer r.closeProducer(producer)
	directory, err := r.tenants(b)
	if err != nil {
		return err
	}
	verifier, err := r.verifier(directory)
	if err != nil {
		return err
	}
	revocations, err := auth.NewRevocations(auth.RevocationsOptions{Store: b.store, Log: r.log})
	if err != nil {
		return err
	}
	muted, err := mutes.New(mutes.Options{Store: b.store, Log: r.log})
	if err != nil {
		return err
	}
	creds, _, err := r.chatCredentials(o)
	if err != nil {
		return err
	}
	pool, err := chatpool.New(chatpool.Options{
		Service: r.cfg.Chat.Service, Gateway: r.pod, Logger: r.log, Credentials: creds, Resolve: fixed(r.cfg.Chat.Addresses),
	})
	if err != nil {
		return err
	}
	eraser, err := r.eraser(model)
	if err != nil {
		return err
	}
	a, err := admin.New(admin.Options{
		Verifier:       verifier,
		Revocations:    revocations,
		Audit:          producer,
		Store:          b.store,
		Model:          model,
		History:        history.NewReader(b.store, model),
		Chat:           pool,
		Tenants:        allTenants{own: r.cfg.Auth.Issuers, store: b.store},
		AuditLog:       audit.NewLog(model),
		Mutes:          adminMutes{muted},
		Stats:          adminStats{analytics.NewRollups(model, r.cfg.Analytics.MinuteRetention.Duration)},
		Holds:          adminHolds{model},
		Erasures:       eraser,
		Exports:        archives{b.store, model},
		AllowedOrigins: r.cfg.Admin.AllowedOrigins,
		Logger:         r.log,
		Registerer:     o.registerer,
		Tracer:         r.tracers.Tracer("github.com/chatcluster/chatcluster/runtime/admin"),
	})
	if err != nil {
		return err
	}
	ln, err := r.listener(ctx)
	if err != nil {
		return err
	}
	o.require(
		check{name: "revocations", run: revocations.Ready, weight: toStart},
		check{name: "store", run: storeAnswers(b.store), weight: toStart},
		check{name: "read model", run: model.Compatible, weight: toStart},
		check{name: "kafka", run: producer.Ping, weight: told},
		check{name: "chat", run: func(context.Context) error {
			if !pool.Ready() {
				return chatpool.ErrNoPod
			}
			return nil
		}, weight: told},
	)
	return beside(ctx,
		func(ctx context.Context) error { return a.Run(ctx, ln) },
		pool.Run,
		verifier.Run,
		directory.Run,
		revocations.Run,
		muted.Run,
		eraser.Run)
}

// allTenants are those of the configuration and those that have a record.
type allTenants struct {
	own   []config.Issuer
	store store.Tenants
}

// Tenant implements admin.Tenants.
func (t allTenants) Tenant(ctx context.Context, id store.Tenant) (store.TenantRecord, error) {
	if i := slices.IndexFunc(t.own, func(i config.Issuer) bool { return i.Tenant == string(id) }); i >= 0 {
		return store.TenantRecord{
			Tenant: id, State: store.TenantActive,
			Issuer: store.TenantIssuer{URL: t.own[i].Issuer, Audience: t.own[i].Audience, JWKSURL: t.own[i].JWKSURL},
		}, nil
	}
	found, err := t.store.Tenants(ctx, id)
	if err != nil {
		return store.TenantRecord{}, fmt.Errorf("read a tenant's record: %w", err)
	}
	if len(found) == 0 {
		return store.TenantRecord{}, store.ErrNotFound
	}
	return found[0], nil
}
