package verdicts_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/mutes"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
	"github.com/chatcluster/chatcluster/runtime/verdicts"
)

const patience = 30 * time.Second

// world is a chat pod on an embedded store, Kafka's protocol, and streams to the pod.
type world struct {
	t        *testing.T
	kafka    config.Kafka
	store    store.Store
	mutes    *mutes.Directory
	pool     *chatpool.Pool
	producer *eventlog.Producer
	conv     store.Conv
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range eventlog.Topics() {
		opts = append(opts, kfake.SeedTopics(1, eventlog.FullName("t.", topic.Name)))
	}
	cluster, err := kfake.NewCluster(opts...)
	w.must(err)
	t.Cleanup(cluster.Close)
	w.kafka = config.Kafka{Brokers: cluster.ListenAddrs(), TopicPrefix: "t."}
	s, err := embedded.Open("store", embedded.Options{FS: vfs.NewMem()})
	w.must(err)
	t.Cleanup(func() { w.must(s.Close()) })
	w.store = s
	w.producer, err = eventlog.NewProducer(w.kafka, eventlog.ProducerOptions{})
	w.must(err)
	t.Cleanup(func() { w.must(w.producer.Close(context.Background())) })

	w.mutes, err = mutes.New(mutes.Options{Store: s})
	w.must(err)
	service, err := chat.New(chat.Options{Pod: "chat-0", Store: s, Publisher: w.producer, Mutes: w.mutes, Tunables: chat.Tunables{Grace: 5 * time.Second}})
	w.must(err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	w.run(func(ctx context.Context) error { return service.Serve(ctx, ln) })
	w.pool, err = chatpool.New(chatpool.Options{Service: ln.Addr().String(), Gateway: "test", Logger: slog.New(slog.DiscardHandler)})
	w.must(err)
	w.run(w.pool.Run)
	w.eventually("a chat pod", w.pool.Ready)
	w.conv = w.create("room")
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// run runs f until stop is called or the test ends.
func (w *world) run(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				w.t.Errorf("ended with %v", err)
			}
		})
	}
	w.t.Cleanup(stop)
	return stop
}

// consume runs a consumer until stop is called or the test ends.
func (w *world) consume(o eventlog.ConsumerOptions) (stop func()) {
	w.t.Helper()
	c, err := eventlog.NewConsumer(w.kafka, o)
	w.must(err)
	return w.run(c.Run)
}

func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func (w *world) user(id string) store.User {
	w.t.Helper()
	u, err := store.NewUser("acme", id)
	w.must(err)
	return u
}

// create makes a conversation of ann and bob.
func (w *world) create(id string) store.Conv {
	w.t.Helper()
	c, err := store.NewConv("acme", id)
	w.must(err)
	var members []store.Member
	added := &logpb.MembersAdded{}
	for _, u := range []string{"ann", "bob"} {
		members = append(members, store.Member{User: w.user(u), Role: store.RoleMember, Joined: 1})
		added.Members = append(added.Members, &logpb.Member{User: u, Role: store.RoleMember})
	}
	first := &logpb.Batch{Id: []byte("creation"), Entries: []*logpb.Entry{{
		Seq: 1, Sender: "ann", AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_MembersAdded{MembersAdded: added},
	}}}
	w.must(w.store.Create(w.t.Context(), store.Conversation{Conv: c, Kind: store.Group, CreatedAt: time.Now()}, members, first, store.AppendOptions{}))
	return c
}

// ask has the chat pod append what s asks for.
func (w *world) ask(s *chatpb.Send) *chatpb.Result {
	w.t.Helper()
	done := make(chan *chatpb.Result, 1)
	s.Tenant, s.Conversation = string(w.conv.Tenant()), w.conv.ID()
	w.pool.Send(s, func(r *chatpb.Result) { done <- r })
	select {
	case r := <-done:
		return r
	case <-time.After(patience):
		w.t.Fatal("no answer")
		return nil
	}
}

// say has ann send a message and returns its seq.
func (w *world) say(body string) uint64 {
	w.t.Helper()
	r := w.ask(&chatpb.Send{User: "ann", ClientMsgId: body, Body: body})
	if r.GetCode() != "" {
		w.t.Fatalf("%q: %s", body, r.GetCode())
	}
	return r.GetSeq()
}

func (w *world) edit(target uint64, body string) uint64 {
	w.t.Helper()
	r := w.ask(&chatpb.Send{User: "ann", ClientMsgId: "edit " + body, Change: &chatpb.Send_Edited{Edited: &logpb.Edited{Target: target, Body: body}}})
	if r.GetCode() != "" {
		w.t.Fatalf("edit to %q: %s", body, r.GetCode())
	}
	return r.GetSeq()
}

// log is the conversation's.
func (w *world) log() []*logpb.Entry {
	w.t.Helper()
	var all []*logpb.Entry
	for {
		page, err := w.store.Read(context.Background(), w.conv, uint64(len(all)+1), 1000)
		w.must(err)
		if len(page) == 0 {
			return all
		}
		for _, s := range page {
			all = append(all, s.Batch.GetEntries()...)
		}
	}
}

// verdicts are those in the log, in a few words.
func (w *world) verdicts() []string {
	w.t.Helper()
	var out []string
	for _, e := range w.log() {
		if v := e.GetVerdict(); v != nil {
			out = append(out, fmt.Sprintf("%s by %s of %d at %d", v.GetAction(), e.GetSender(), v.GetTarget(), v.GetBodyAt()))
		}
	}
	return out
}

// records are those of a topic, as many as there are now.
func (w *world) records(topic string) []*kgo.Record {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Brokers...), kgo.ConsumeTopics(eventlog.FullName(w.kafka.TopicPrefix, topic)))
	w.must(err)
	defer cl.Close()
	var out []*kgo.Record
	for {
		ctx, cancel := context.WithTimeout(w.t.Context(), 300*time.Millisecond)
		got := cl.PollFetches(ctx).Records()
		cancel()
		if len(got) == 0 {
			return out
		}
		out = append(out, got...)
	}
}

// bad is a detector of the word.
type bad struct{}

func (bad) Name() string { return eventlog.ProfanityGroup }

func (bad) Judge(_ context.Context, messages []moderate.Message) ([]moderate.Finding, error) {
	out := make([]moderate.Finding, len(messages))
	for i, m := range messages {
		if strings.Contains(m.Body, "unspeakable") {
			panic(m.Body)
		}
		if at := strings.Index(m.Body, "bad"); at >= 0 {
			out[i] = moderate.Finding{Score: 100, Reason: "word", Spans: []moderate.Span{{Start: uint32(at), Length: 3}}}
		}
	}
	return out, nil
}

// moderator is the frame around bad.
func (w *world) moderator(p moderate.Policy) *moderate.Moderator {
	w.t.Helper()
	m, err := moderate.New(moderate.Options{Detector: bad{}, Publisher: w.producer, Policy: p})
	w.must(err)
	return m
}

func (w *world) applier(change func(*verdicts.Options)) *verdicts.Applier {
	w.t.Helper()
	o := verdicts.Options{Chat: w.pool, Log: w.store, Mutes: w.mutes}
	if change != nil {
		change(&o)
	}
	a, err := verdicts.New(o)
	w.must(err)
	return a
}
