package chatcluster

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memo remembers for a while what a phase found to be as wanted, so that a pass caused by a pod's readiness does not ask
// AWS and Kafka again. A changed wish is a miss.
type memo struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[types.UID]map[string]remembered
	swept   time.Time
}

// rememberRequest is how long a request for a look at everything stays obeyed; it stands in the annotations for ever.
const rememberRequest = 24 * time.Hour

// phaseRequest stands for a phase where the request that was obeyed is remembered.
const phaseRequest = "request"

// sweepEvery is how often what has expired is thrown out: a ChatCluster may go without a last pass.
const sweepEvery = time.Minute

type remembered struct {
	wanted, found any
	until         time.Time
}

func newMemo() *memo {
	return &memo{now: time.Now, entries: map[types.UID]map[string]remembered{}}
}

func (m *memo) get(uid types.UID, phase string, wanted any) (found any, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[uid][phase]
	if !ok || !m.now().Before(e.until) || !reflect.DeepEqual(e.wanted, wanted) {
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
	if m.entries[uid] == nil {
		m.entries[uid] = map[string]remembered{}
	}
	m.entries[uid][phase] = remembered{wanted: wanted, found: found, until: m.now().Add(d)}
}

// drop forgets what one phase found.
func (m *memo) drop(uid types.UID, phase string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries[uid], phase)
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
	maps.DeleteFunc(m.entries[uid], func(phase string, _ remembered) bool { return phase != phaseRequest })
}

func (m *memo) sweep() {
	now := m.now()
	if now.Sub(m.swept) < sweepEvery {
		return
	}
	m.swept = now
	for uid, phases := range m.entries {
		maps.DeleteFunc(phases, func(_ string, r remembered) bool { return !now.Before(r.until) })
		if len(phases) == 0 {
			delete(m.entries, uid)
		}
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
