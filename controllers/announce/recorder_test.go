package announce

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

// sink remembers what was told. hold, where it is set, is called before an answer.
type sink struct {
	mu      sync.Mutex
	created map[string]int // notes
	series  map[string]int32
	hold    func(ctx context.Context)
}

func newSink() *sink { return &sink{created: map[string]int{}, series: map[string]int32{}} }

func (s *sink) Create(ctx context.Context, e *eventsv1.Event) (*eventsv1.Event, error) {
	if s.hold != nil {
		s.hold(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created[e.Note]++
	return e, nil
}

func (s *sink) Update(_ context.Context, e *eventsv1.Event) (*eventsv1.Event, error) { return e, nil }

func (s *sink) Patch(_ context.Context, e *eventsv1.Event, _ []byte) (*eventsv1.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.series[e.Note] = e.Series.Count
	return e, nil
}

func (s *sink) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.created)
}

func (r *Recorder) stillEnding() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.ending {
		if t.life.Err() == nil {
			n++
		}
	}
	return n
}

func about(i int) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: fmt.Sprint("map-", i)}}
}

// Whatever the number, every event is told.
func TestEveryEventIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		ctx, cancel := context.WithCancel(t.Context())
		r := New(ctx, s, clientgoscheme.Scheme, "operator")
		const all = 10*perTerm + 7
		for i := range all {
			r.Eventf(about(i), nil, corev1.EventTypeNormal, "Ready", "Reconcile", "%d", i)
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if got := s.size(); got != all {
			t.Errorf("%d of %d events were told", got, all)
		}
		cancel()
		synctest.Wait()
		r.Eventf(about(0), nil, corev1.EventTypeNormal, "Ready", "Reconcile", "late")
		synctest.Wait()
		if s.size() != all {
			t.Error("an event was told after the end")
		}
	})
}

func TestWhatIsRepeatedIsASeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := New(ctx, s, clientgoscheme.Scheme, "operator")
		for range 3 {
			r.Eventf(about(1), nil, corev1.EventTypeWarning, "AccessDenied", "Reconcile", "denied")
			synctest.Wait()
		}
		if s.created["denied"] != 1 || s.series["denied"] != 2 {
			t.Errorf("told %d times, in a series of %d", s.created["denied"], s.series["denied"])
		}
	})
}

// Events of long ago are not kept, however many there were, nor those that the API server does not take.
func TestMemoryIsBounded(t *testing.T) {
	for name, hold := range map[string]func(context.Context){
		"the API server takes them": nil,
		"it does not answer":        func(ctx context.Context) { <-ctx.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSink()
				s.hold = hold
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := New(ctx, s, clientgoscheme.Scheme, "operator")
				for i := range 40 * perTerm {
					r.Eventf(about(i), nil, corev1.EventTypeNormal, "Ready", "Reconcile", "%d", i)
					if i%100 == 0 {
						synctest.Wait()
					}
				}
				synctest.Wait()
				if n := r.stillEnding(); n != maxEnding {
					t.Errorf("%d broadcasters are ending, want %d", n, maxEnding)
				}
				if n := runtime.NumGoroutine(); n > (maxEnding+1)*(perTerm+20) {
					t.Errorf("%d goroutines", n)
				}
				time.Sleep(endWithin + time.Second) // of the bubble's clock
				synctest.Wait()
				if n := r.stillEnding(); n != 0 {
					t.Errorf("%d broadcasters are still ending", n)
				}
			})
		})
	}
}
