package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds of what a tenant's record says, in bytes.
const (
	MaxIssuerBytes   = 512
	MaxAudienceBytes = 256
	// MaxApplicationBytes bounds the id of a push application.
	MaxApplicationBytes = 64
	// MinRetention is the least retention of a tenant: lanes and marks rely on it.
	MinRetention = 24 * time.Hour
)

var (
	// ErrChanged says that a record is not what it was when it was read.
	ErrChanged = errors.New("changed meanwhile")
	// ErrClaimed says that an issuer is another tenant's.
	ErrClaimed = errors.New("claimed by another tenant")
)

// TenantState says whether a tenant is served.
type TenantState string

// The states. Only the active one is served.
const (
	TenantActive TenantState = "active"
	// TenantSuspended is served again later.
	TenantSuspended TenantState = "suspended"
	// TenantRetained has lost its owner: its id and issuer stay taken.
	TenantRetained TenantState = "retained"
	// TenantDeleting is being purged.
	TenantDeleting TenantState = "deleting"
)

// TenantRecord is what is known of a tenant beside its data.
type TenantRecord struct {
	Tenant Tenant      `json:"-"`
	State  TenantState `json:"state"`
	// Owner is whose the id and the issuer are.
	Owner  TenantOwner  `json:"owner"`
	Issuer TenantIssuer `json:"issuer"`
	// MaxConnections and MessagesPerSecond bound what the tenant's users do together; zero is no bound.
	MaxConnections    int `json:"maxConnections,omitempty"`
	MessagesPerSecond int `json:"messagesPerSecond,omitempty"`
	// Retention is how long messages stay in the store, where that is less than the cluster's; zero is the cluster's.
	Retention time.Duration `json:"retention,omitempty"`
	// History is how long messages are kept at all, where that is less than the cluster's; zero is the cluster's.
	History time.Duration `json:"history,omitempty"`
	// Detectors are by their names.
	Detectors map[string]Detector `json:"detectors,omitempty"`
	// PushApplication is the tenant's own; empty: its pushes go through the cluster's.
	PushApplication string `json:"pushApplication,omitempty"`
	// Revision is how often the record was written: PutTenant raises it.
	Revision uint64 `json:"-"`
	// Purge is noted by whoever purges; PutTenant leaves none.
	Purge PurgeProgress `json:"-"`
}

// TenantOwner is a ChatTenant.
type TenantOwner struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
}

// TenantIssuer signs the tokens of a tenant's users.
type TenantIssuer struct {
	URL      string `json:"url"`
	Audience string `json:"audience"`
	// JWKSURL is where its keys are; empty: where its OpenID configuration says.
	JWKSURL string `json:"jwksURL,omitempty"`
}

// Detector is what a tenant wants done about what a detector finds.
type Detector struct {
	// Mode is off, flag or enforce.
	Mode string `json:"mode"`
	// Threshold is the least score that counts, in percent; zero is the detector's own.
	Threshold int `json:"threshold,omitempty"`
}

// PurgeProgress is how far the deletion of a tenant's data is.
type PurgeProgress struct {
	Phase         string `json:"phase,omitempty"`
	Conversations int64  `json:"conversations,omitempty"`
	Left          int64  `json:"left,omitempty"`
	Users         int64  `json:"users,omitempty"`
}

// Claims says whether both are the same claim: where the keys are is no part of it.
func (i TenantIssuer) Claims(other TenantIssuer) bool {
	return i.URL == other.URL && i.Audience == other.Audience
}

// Served says whether the tenant is served.
func (r TenantRecord) Served() bool { return r.State == TenantActive }

// Check returns an error that wraps ErrInvalid or ErrInvalidID unless the record can be stored.
func (r TenantRecord) Check() error {
	if err := checkID("tenant", string(r.Tenant)); err != nil {
		return err
	}
	switch {
	case r.Owner.UID == "":
		return fmt.Errorf("%w: a tenant without an owner", ErrInvalid)
	case r.State != TenantActive && r.State != TenantSuspended && r.State != TenantRetained && r.State != TenantDeleting:
		return fmt.Errorf("%w: a tenant's state %q", ErrInvalid, r.State)
	case r.MaxConnections < 0 || r.MessagesPerSecond < 0:
		return fmt.Errorf("%w: a tenant's bound below zero", ErrInvalid)
	case len(r.PushApplication) > MaxApplicationBytes:
		return fmt.Errorf("%w: a push application's id has at most %d bytes", ErrInvalid, MaxApplicationBytes)
	case r.Retention != 0 && r.Retention < MinRetention:
		return fmt.Errorf("%w: a tenant's retention below %s", ErrInvalid, MinRetention)
	case r.History != 0 && r.History < max(MinRetention, r.Retention):
		return fmt.Errorf("%w: a tenant's history below %s or below its retention", ErrInvalid, MinRetention)
	}
	return r.Issuer.Check()
}

// Check returns an error that wraps ErrInvalid unless the issuer can be stored.
func (i TenantIssuer) Check() error {
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	switch {
	case i.URL == "" || len(i.URL) > MaxIssuerBytes || strings.ContainsFunc(i.URL, control):
		return fmt.Errorf("%w: an issuer has 1 to %d bytes and no control characters", ErrInvalid, MaxIssuerBytes)
	case i.Audience == "" || len(i.Audience) > MaxAudienceBytes || strings.ContainsFunc(i.Audience, control):
		return fmt.Errorf("%w: an audience has 1 to %d bytes and no control characters", ErrInvalid, MaxAudienceBytes)
	}
	return nil
}

// Tenants keeps the tenants' records. A tenant has its id and the pair of issuer and audience to itself.
type Tenants interface {
	// Tenants returns the records that are there, strongly consistent, in no order. With an error it may return some of them: one that
	// cannot be read keeps nobody from the others.
	Tenants(ctx context.Context, ids ...Tenant) ([]TenantRecord, error)
	// TenantOf returns whose the issuer and audience are, strongly consistent, or ErrNotFound.
	TenantOf(ctx context.Context, issuer, audience string) (Tenant, error)
	// PutTenant writes the record and takes its issuer, and gives back the one that the record had before, all or nothing. It returns
	// the record with its new revision. ErrChanged unless the stored record still has r.Revision (0: there is none). ErrClaimed when
	// the issuer is another tenant's, other than from's: that one's claim is taken over; empty takes over none.
	PutTenant(ctx context.Context, r TenantRecord, from Tenant) (TenantRecord, error)
	// RemoveTenant removes the record and gives its issuer back. ErrChanged unless the stored record still has r.Revision.
	RemoveTenant(ctx context.Context, r TenantRecord) error
	// NotePurge keeps the progress with the record of a tenant that is being deleted; its revision stays. ErrNotFound when there is no
	// such tenant, or nobody deletes it.
	NotePurge(ctx context.Context, t Tenant, p PurgeProgress) error
}
