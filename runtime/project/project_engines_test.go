//go:build engines

package project

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/inbox"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// stage is everything around the projector: the real database, and Kafka and Redis in the process.
type stage struct {
	t        *testing.T
	ctx      context.Context
	kafka    config.Kafka
	producer *eventlog.Producer
	model    *readmodel.Model
	cache    *cache.Cache
	redis    *miniredis.Miniredis
	inbox    *inbox.Reader

	mu    sync.Mutex
	tails map[store.Conv]uint64
}

func newStage(t *testing.T) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	s := &stage{t: t, ctx: ctx, tails: map[store.Conv]uint64{}}

	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range eventlog.Topics() {
		opts = append(opts, kfake.SeedTopics(3, eventlog.FullName("t.", topic.Name)))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s.kafka = config.Kafka{Brokers: cluster.ListenAddrs(), TopicPrefix: "t."}
	if s.producer, err = eventlog.NewProducer(s.kafka, eventlog.ProducerOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.producer.Close(context.WithoutCancel(ctx)) })

	db := readmodeltest.Database(t)
	if _, err := readmodel.Migrate(ctx, db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if s.model, err = readmodel.Open(db, readmodel.Options{Application: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.model.Close)

	s.redis = miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	s.cache = cache.New(client, cache.Options{KeyPrefix: "t:"})
	if s.inbox, err = inbox.NewReader(inbox.Options{Model: s.model, Cache: s.cache}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) RaiseTail(_ context.Context, c store.Conv, tail, _ uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tails[c] = max(s.tails[c], tail)
	return nil
}

func (s *stage) RaiseFloor(context.Context, store.Conv, uint64) error { return nil }

// project runs a projector until stop.
func (s *stage) project(logs ...*readmodeltest.Log) (stop func()) {
	s.t.Helper()
	p, err := New(Options{
		Model: readmodel.NewWriter(s.model, readmodeltest.NewSource(logs...)), Cache: s.cache, Tails: s, HotRetention: 24 * time.Hour,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	consumer, err := eventlog.NewConsumer(s.kafka, p.Consumer())
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := consumer.Run(ctx); err != nil {
			s.t.Errorf("consumer: %v", err)
		}
	})
	wg.Go(func() {
		if err := p.Run(ctx); err != nil {
			s.t.Errorf("projector: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	s.t.Cleanup(stop)
	return stop
}

func (s *stage) publish(l *readmodeltest.Log, from int) {
	s.t.Helper()
	for _, b := range l.Batches[from:] {
		done := make(chan error, 1)
		s.producer.PublishBatch(l.Conv, l.Kind, b, func(err error) { done <- err })
		if err := <-done; err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *stage) item(u store.User, c store.Conv) protocol.InboxItem {
	s.t.Helper()
	page, err := s.inbox.Inbox(s.ctx, u, 0, "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, i := range page.Items {
		if i.Conversation == c.ID() {
			return i
		}
	}
	return protocol.InboxItem{}
}

// eventually waits until the user's inbox shows want, whether Redis helps or not.
func (s *stage) eventually(when string, u store.User, c store.Conv, want protocol.InboxItem) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	var diff string
	for {
		if diff = cmp.Diff(want, s.item(u, c)); diff == "" {
			return
		}
		select {
		case <-limit:
			s.t.Fatalf("%s: %s's inbox (-want +got):\n%s", when, u, diff)
		case <-tick.C:
		}
	}
}

func TestInboxFollowsTheLog(t *testing.T) {
	s := newStage(t)
	l := readmodeltest.NewLog(t, "acme", "team", store.Group)
	l.Title = "The team"
	l.StartMS = time.Now().Add(-time.Hour).UnixMilli()
	ann, bob, cat := l.User("ann"), l.User("bob"), l.User("cat")
	at := func(seq int64) int64 { return l.StartMS + seq*1000 }
	stop := s.project(l)

	l.Batch(readmodeltest.Add("ann", "ann", "bob"))                                // 1
	l.Batch(readmodeltest.Say("ann", "hello\nbob"), readmodeltest.Say("ann", "?")) // 2, 3
	s.publish(l, 0)
	seen := protocol.InboxItem{Conversation: "team", Kind: "group", Title: "The team", Unread: 2, Head: 3, LastAtMS: at(3), LastSender: "ann", LastPreview: "?"}
	s.eventually("two messages", bob, l.Conv, seen)
	own := seen
	own.Unread, own.Read = 0, 3
	s.eventually("who sent them has read them", ann, l.Conv, own)
	if got := s.item(cat, l.Conv); got.Conversation != "" {
		t.Errorf("cat is no member and sees %+v", got)
	}

	marked := make(chan error, 1)
	s.producer.PublishMark(bob, l.Conv, 2, func(err error) { marked <- err })
	if err := <-marked; err != nil {
		t.Fatal(err)
	}
	seen.Unread, seen.Read = 1, 2
	s.eventually("a mark", bob, l.Conv, seen)
	s.redis.FlushAll()
	s.eventually("Redis emptied", bob, l.Conv, seen)
	if err := s.cache.RaiseMarks(s.ctx, bob, l.Conv, "phone", 0, 3); err != nil {
		t.Fatal(err)
	}
	seen.Unread, seen.Read = 0, 3
	s.eventually("a mark that only Redis knows", bob, l.Conv, seen)

	from := len(l.Batches)
	l.Batch(readmodeltest.Add("ann", "cat"), readmodeltest.Rename("ann", "New name")) // 4, 5
	s.publish(l, from)
	s.eventually("cat came and has seen nothing of before", cat, l.Conv,
		protocol.InboxItem{Conversation: "team", Kind: "group", Title: "New name", Head: 5, LastAtMS: at(4)})

	// The projector dies; what is published meanwhile, one batch lost on its way to Kafka, is there when another comes.
	stop()
	from = len(l.Batches)
	l.Batch(readmodeltest.Say("bob", "one"))                                         // 6
	l.Batch(readmodeltest.Say("ann", "bye bob"), readmodeltest.Remove("ann", "bob")) // 7, 8
	l.Batch(readmodeltest.Say("ann", "about bob"), readmodeltest.Rename("ann", "X")) // 9, 10
	l.Batch(readmodeltest.Say("cat", "and me"))                                      // 11
	s.publish(l, from+1)
	s.project(l)
	now := protocol.InboxItem{Conversation: "team", Kind: "group", Title: "X", Head: 11, LastAtMS: at(11), LastSender: "cat", LastPreview: "and me"}
	now.Read = 11
	s.eventually("cat has read what cat said, and all before", cat, l.Conv, now)
	now.Read, now.Unread = 9, 1
	s.eventually("ann's own were read", ann, l.Conv, now)
	left := protocol.InboxItem{
		Conversation: "team", Kind: "group", Title: "New name", Unread: 1, Read: 6, Head: 8, LastAtMS: at(7), LastSender: "ann", LastPreview: "bye bob",
	}
	s.eventually("bob sees it as it was when bob left", bob, l.Conv, left)
	s.redis.FlushAll()
	s.eventually("Redis emptied again", bob, l.Conv, left)
	s.redis.Close()
	s.eventually("without Redis", bob, l.Conv, left)

	entries, err := s.model.Entries(s.ctx, l.Conv, 1, 100)
	if err != nil || len(entries) != 11 {
		t.Errorf("%d entries, %v; want all 11, the lost ones included", len(entries), err)
	}
}

func TestDirectConversationsKnowThePeer(t *testing.T) {
	s := newStage(t)
	l := readmodeltest.NewLog(t, "acme", "d-1", store.Direct)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	s.project(l)
	s.publish(l, 0)
	want := protocol.InboxItem{Conversation: "d-1", Kind: "direct", Peer: "ann", Head: 1, LastAtMS: l.StartMS + 1000}
	s.eventually("a new conversation without messages", l.User("bob"), l.Conv, want)
	want.Peer = "bob"
	s.eventually("from the other side", l.User("ann"), l.Conv, want)
}

// Projectors come and go while messages flow: the database ends with every entry, and each sender's inbox is read.
func TestProjectorsComeAndGo(t *testing.T) {
	s := newStage(t)
	var logs []*readmodeltest.Log
	for i := range 8 {
		l := readmodeltest.NewLog(t, "acme", fmt.Sprint("conv", i), store.Group)
		l.Batch(readmodeltest.Add("ann", "ann", "bob"))
		for j := range 40 {
			l.Batch(readmodeltest.Say("ann", fmt.Sprint(j)), readmodeltest.Say("bob", fmt.Sprint(j)))
		}
		logs = append(logs, l)
	}
	s.project(logs...)
	var wg sync.WaitGroup
	for _, l := range logs {
		wg.Go(func() { s.publish(l, 0) })
	}
	for range 3 {
		stop := s.project(logs...)
		s.eventually("some progress", logs[0].User("zoe"), logs[0].Conv, protocol.InboxItem{})
		stop()
	}
	wg.Wait()
	for _, l := range logs {
		want := protocol.InboxItem{Conversation: l.Conv.ID(), Kind: "group", Head: 81, Read: 81, LastAtMS: l.StartMS + 81_000, LastSender: "bob", LastPreview: "39"}
		s.eventually("at the end", l.User("bob"), l.Conv, want)
		entries, err := s.model.Entries(s.ctx, l.Conv, 1, 1000)
		if err != nil || len(entries) != 81 {
			t.Errorf("%s has %d entries, %v; want 81", l.Conv, len(entries), err)
		}
	}
}
