package chatcluster

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memo remembers for a while what a phase found to be as wanted, so that a pass caused by a pod's readiness does not ask
// AWS and Kafka again. A changed wish is a miss.
type memo struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[types.UID][]remembered
	swept   time.Time
}

// rememberRequest is how long a request for a look at everything stays obeyed; it stands in the annotations for ever.
const rememberRequest = 24 * time.Hour

// phaseRequest stands for a phase where the request that was obeyed is remembered.
const phaseRequest = "request"

// sweepEvery is how often what has expired is thrown out: a ChatCluster may go without a last pass.
const sweepEvery = time.Minute

// remembered are a ChatCluster's, a dozen at most: a list of them takes a fifth of what a map would.
type remembered struct {
	phase         string
	wanted, found any
	until         int64 // in Unix nanoseconds
}

func newMemo() *memo {
	return &memo{now: time.Now, entries: map[types.UID][]remembered{}}
}

// of returns what is remembered of a phase, nil for nothing.
func (m *memo) of(uid types.UID, phase string) *remembered {
	for i := range m.entries[uid] {
		if e := &m.entries[uid][i]; e.phase == phase {
			return e
		}
	}
	return nil
}

// keep throws out what keep does not say.
func (m *memo) keep(uid types.UID, keep func(*remembered) bool) {
	kept := slices.DeleteFunc(m.entries[uid], func(r remembered) bool { return !keep(&r) })
	if len(kept) == 0 {
		delete(m.entries, uid)
		return
	}
	m.entries[uid] = kept
}

func (m *memo) get(uid types.UID, phase string, wanted any) (found any, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.of(uid, phase)
	if e == nil || m.now().UnixNano() >= e.until || !reflect.DeepEqual(e.wanted, wanted) {
		return nil, false
	}
	return e.found, true
}

func (m *memo) put(uid types.UID, phase string, wanted, found any, d time.Duration) {
	if d <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	e := remembered{phase: phase, wanted: wanted, found: found, until: m.now().Add(d).UnixNano()}
	if known := m.of(uid, phase); known != nil {
		*known = e
		return
	}
	m.entries[uid] = append(m.entries[uid], e)
}

// drop forgets what one phase found.
func (m *memo) drop(uid types.UID, phase string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(uid, func(r *remembered) bool { return r.phase != phase })
}

// obey forgets what was found when a user asks for a look at everything now. request is what is asked, empty for nothing.
func (m *memo) obey(uid types.UID, request string) {
	if _, known := m.get(uid, phaseRequest, request); known || request == "" {
		return
	}
	m.forget(uid)
	m.forget(everybody)
	m.put(uid, phaseRequest, request, nil, rememberRequest)
}

// doubt forgets what was found of one, but not what was asked.
func (m *memo) doubt(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(uid, func(r *remembered) bool { return r.phase == phaseRequest })
}

func (m *memo) sweep() {
	now := m.now()
	if now.Sub(m.swept) < sweepEvery {
		return
	}
	m.swept = now
	for uid := range m.entries {
		m.keep(uid, func(r *remembered) bool { return now.UnixNano() < r.until })
	}
}

func (m *memo) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, uid)
}

// jitter spreads d over d to 2d, so that what began together does not stay together.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d + rand.N(d)
}
