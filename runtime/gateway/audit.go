package gateway

import (
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// auditAgain is after how long the same thing is recorded again at the earliest: a client that reconnects with its token does
	// not sign in anew.
	auditAgain = time.Hour
	// auditRemembered bounds what is remembered for that, twice.
	auditRemembered = 16_384
	// What a gateway records a second, and at once. Refusals are anyone's to cause.
	acceptedRate, acceptedBurst = 500, 20_000
	refusedRate, refusedBurst   = 20, 200
)

// audit tells the audit log who signed in, who was refused, and whose sessions were revoked. It never waits: what comes too fast, or what
// Kafka does not take, is counted and lost. It is safe for concurrent use.
type audit struct {
	log               AuditLog
	m                 *metrics
	accepts, refusals *rate.Limiter

	mu            sync.Mutex
	recent, older map[auditKey]struct{}
	since         time.Time
}

// auditKey is what is recorded once: a token's use by a device, or why it was refused.
type auditKey struct {
	user          store.User
	device, token string
	code          protocol.Code
}

// newAudit returns one that does nothing where there is no log.
func newAudit(log AuditLog, m *metrics) *audit {
	return &audit{
		log: log, m: m, recent: map[auditKey]struct{}{},
		accepts: rate.NewLimiter(acceptedRate, acceptedBurst), refusals: rate.NewLimiter(refusedRate, refusedBurst),
	}
}

// accepted records that a session began, or goes on with another token.
func (a *audit) accepted(p Principal, device string) {
	if a.log == nil || !a.first(auditKey{user: p.User, device: device, token: tokenName(p)}) {
		return
	}
	a.publish(a.accepts, eventlog.AuditSessionAccepted, p.User, device, nil)
}

// refused records that a session was refused to whom the token speaks for. A token that proves nobody's is in no audit log: whose would that be?
func (a *audit) refused(p Principal, device string, code protocol.Code) {
	if a.log == nil || p.User == (store.User{}) || code.Retryable() || !a.first(auditKey{user: p.User, device: device, code: code}) {
		return
	}
	a.publish(a.refusals, eventlog.AuditSessionRefused, p.User, device, map[string]string{"code": string(code)})
}

// revoked records that sessions were taken back: a device's, a token's, or all.
func (a *audit) revoked(u store.User, device, scope string) {
	if a.log == nil {
		return
	}
	a.publish(a.accepts, eventlog.AuditSessionRevoked, u, device, map[string]string{"scope": scope})
}

func (a *audit) publish(limit *rate.Limiter, kind string, u store.User, device string, details map[string]string) {
	if !limit.Allow() {
		a.m.auditLost.Inc()
		return
	}
	if store.CheckDevice(device) != nil {
		device = "" // a client may claim anything
	}
	a.log.PublishAudit(eventlog.AuditRecord{
		Tenant: u.Tenant(), ID: uuid.NewString(), At: time.Now(), Kind: kind, Actor: u.ID(), Subject: u.ID(), Device: device, Details: details,
	}, func(err error) {
		if err != nil {
			a.m.auditLost.Inc()
		}
	})
}

// first says whether k was not recorded within the last while.
func (a *audit) first(k auditKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); len(a.recent) >= auditRemembered || now.Sub(a.since) > auditAgain {
		a.older, a.recent, a.since = a.recent, map[auditKey]struct{}{}, now
	}
	_, recent := a.recent[k]
	_, older := a.older[k]
	if recent || older {
		return false
	}
	a.recent[k] = struct{}{}
	return true
}

// tokenName tells a user's tokens apart.
func tokenName(p Principal) string {
	if p.TokenID != "" {
		return p.TokenID
	}
	return strconv.FormatInt(p.Issued.UnixNano(), 10)
}
