package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxMarking is how many outbox marks are under way at a time.
const maxMarking = 64

// expirySlack keeps batches a little longer than the hot retention, so that readers at its edge find them.
const expirySlack = time.Hour

// Service is the chat service of one pod. Make it with New and run it with Serve.
type Service struct {
	chatpb.UnimplementedChatServer

	o       Options
	metrics *metrics
	breaker *breaker
	marking *semaphore.Weighted
	streams streams
	outbox  outbox
	locator *locator
	quiet   *quiet
	tracing TracePublisher // nil: the publisher knows no traces
	users   *userPaces
	entries pace // of a lane
	paces   *tenantPaces

	// life is what store calls of lanes live in: it ends when everything has been answered, or the grace is over.
	life    context.Context
	end     context.CancelFunc
	tasks   tasks
	stopped chan struct{} // closed when streams must end

	unanswered counter
	draining   atomic.Bool

	mu    sync.Mutex
	lanes map[store.Conv]*lane
}

// New returns a service that does nothing until Serve.
func New(o Options) (*Service, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{
		o:       o,
		marking: semaphore.NewWeighted(maxMarking),
		stopped: make(chan struct{}),
		lanes:   map[store.Conv]*lane{},
	}
	s.locator, s.quiet = newLocator(s), newQuiet(s)
	s.tracing, _ = o.Publisher.(TracePublisher)
	s.users, s.entries = newUserPaces(o.UserEntriesPerSecond, o.LimitedUsers), paceOf(o.LaneEntriesPerSecond)
	s.breaker = &breaker{failures: o.BreakerFailures, probe: o.BreakerProbe, now: s.now}
	// The service's own life, not a request's: what was accepted is finished while Serve drains.
	s.life, s.end = context.WithCancel(context.Background())
	if s.paces, err = newTenantPaces(s); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(s, o.Registerer); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Service) now() time.Time { return time.Now() }

// submit hands a request to its conversation's lane.
func (s *Service) submit(conv store.Conv, r *request) {
	for {
		l, code, detail := s.lane(conv)
		if l == nil {
			r.answer(r.failure(code, detail, 0))
			return
		}
		if l.take(r) {
			return
		}
	}
}

// lane returns the conversation's lane and makes it where there is none, unless there are too many or the pod is draining.
func (s *Service) lane(conv store.Conv) (_ *lane, code protocol.Code, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.lanes[conv]; ok {
		return l, "", ""
	}
	switch {
	case s.draining.Load():
		return nil, protocol.CodeBusy, "the pod is draining"
	case len(s.lanes) >= s.o.MaxLanes:
		return nil, protocol.CodeBusy, "too many conversations are active"
	}
	l := newLane(s, conv)
	s.lanes[conv] = l
	return l, "", ""
}

// forget takes a lane out of the map: the next request makes another.
func (s *Service) forget(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	s.forgetLocked(l)
}

func (s *Service) forgetLocked(l *lane) {
	l.closed = true
	if s.lanes[l.conv] == l {
		delete(s.lanes, l.conv)
	}
}

func (s *Service) laneCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lanes)
}

func (s *Service) allLanes() []*lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	ls := make([]*lane, 0, len(s.lanes))
	for _, l := range s.lanes {
		ls = append(ls, l)
	}
	return ls
}

// kafkaReport takes note of how a publication ended.
func (s *Service) kafkaReport(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	s.metrics.kafka.WithLabelValues(outcome).Inc()
	if !s.breaker.report(err == nil) {
		return
	}
	if err != nil {
		s.o.Log.Warn("kafka does not answer: batches go to the outbox", "error", err)
		return
	}
	s.o.Log.Info("kafka answers again")
}

// owed says that a batch of the conversation is in the outbox.
func (s *Service) owed(conv store.Conv) {
	s.metrics.owed.Inc()
	s.outbox.heat(store.OutboxShard(conv))
}
