package provider

import (
	"crypto/rand"
	"sync"
	"time"
)

// kept bounds how many secrets are known at a time; the oldest go first.
const kept = 10_000

// session is a sign-in of one user.
type session struct {
	user, client, scope, nonce string
	// redirect and challenge are a code's.
	redirect, challenge string
	// id is the same for all tokens of one sign-in.
	id string
}

// once keeps secrets that are used once.
type once struct {
	ttl time.Duration
	now func() time.Time

	mu    sync.Mutex
	by    map[string]*held
	order []string
}

type held struct {
	session
	until time.Time
	used  bool
}

func newOnce(ttl time.Duration) *once {
	return &once{ttl: ttl, now: time.Now, by: map[string]*held{}}
}

// give keeps a session under a new secret.
func (o *once) give(s session) string {
	secret := rand.Text()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.by[secret] = &held{session: s, until: o.now().Add(o.ttl)}
	o.order = append(o.order, secret)
	for len(o.order) > kept {
		delete(o.by, o.order[0])
		o.order = o.order[1:]
	}
	return secret
}

// take gives the session of a secret, once. again says that it was taken before: somebody else has it, too.
func (o *once) take(secret string) (s session, ok, again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.by[secret]
	switch {
	case h == nil || !o.now().Before(h.until):
		return session{}, false, false
	case h.used:
		return h.session, false, true
	}
	h.used = true
	return h.session, true, false
}

// end forgets the secrets of a sign-in.
func (o *once) end(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for secret, h := range o.by {
		if h.id == id {
			delete(o.by, secret)
		}
	}
}
