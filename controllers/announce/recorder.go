package announce

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	typedevents "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
)

const (
	// perTerm is how many events one broadcaster takes: less than the 1,000 that it queues, so that it drops none.
	perTerm = 500
	// maxEnding is how many broadcasters end their work at a time. One more, and the eldest ends at once.
	maxEnding = 8
	// endWithin is how long one has for that: it tries again after 10 s.
	endWithin = 30 * time.Second
)

// Recorder is an events.EventRecorder.
type Recorder struct {
	life       context.Context
	sink       events.EventSink
	scheme     *runtime.Scheme
	controller string

	mu  sync.Mutex
	now *term
	// ending are the last that were retired, the eldest first; some have ended.
	ending []*term
}

// term is one broadcaster's.
type term struct {
	recorder events.EventRecorder
	told     int
	life     context.Context
	end      context.CancelFunc
}

// ForConfig returns a recorder that writes by a client of its own, in controller's name.
func ForConfig(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, controller string) (*Recorder, error) {
	client, err := typedevents.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for events: %w", err)
	}
	return New(ctx, &events.EventSinkImpl{Interface: client}, scheme, controller), nil
}

// New returns a recorder that writes to sink, in controller's name, until ctx ends.
func New(ctx context.Context, sink events.EventSink, scheme *runtime.Scheme, controller string) *Recorder {
	return &Recorder{life: ctx, sink: sink, scheme: scheme, controller: controller}
}

// Eventf implements events.EventRecorder.
func (r *Recorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if t := r.term(); t != nil {
		t.Eventf(regarding, related, kind, reason, action, note, args...)
	}
}

// term counts one more event and returns who takes it, nil once all has ended.
func (r *Recorder) term() events.EventRecorder {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.Err() != nil {
		return nil
	}
	if r.now != nil && r.now.told >= perTerm {
		r.retire(r.now)
		r.now = nil
	}
	if r.now == nil {
		if r.now = r.begin(); r.now == nil {
			return nil
		}
	}
	r.now.told++
	return r.now.recorder
}

func (r *Recorder) begin() *term {
	ctx, cancel := context.WithCancel(r.life)
	b := events.NewBroadcaster(r.sink)
	if err := b.StartRecordingToSinkWithContext(ctx); err != nil {
		cancel()
		return nil // it does not fail before it is shut down
	}
	context.AfterFunc(ctx, b.Shutdown)
	return &term{recorder: b.NewRecorder(r.scheme, r.controller), life: ctx, end: cancel}
}

// retire has a term end in its time.
func (r *Recorder) retire(t *term) {
	if len(r.ending) == maxEnding {
		r.ending[0].end()
		r.ending = r.ending[1:]
	}
	r.ending = append(r.ending, t)
	time.AfterFunc(endWithin, t.end)
}
