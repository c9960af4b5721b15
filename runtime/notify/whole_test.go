package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awspinpoint "github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/notify"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/push/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// place is everything that the role works with: Kafka's protocol, a store, Redis's protocol, and the sink behind the SDK.
type place struct {
	t        *testing.T
	kafka    config.Kafka
	store    store.Store
	cache    *cache.Cache
	sender   push.Sender
	app      string
	sink     string
	conv     store.Conv
	producer *eventlog.Producer
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t}
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range eventlog.Topics() {
		opts = append(opts, kfake.SeedTopics(2, eventlog.FullName("t.", topic.Name)))
	}
	cluster, err := kfake.NewCluster(opts...)
	p.must(err)
	t.Cleanup(cluster.Close)
	s, err := embedded.Open("store", embedded.Options{FS: vfs.NewMem()})
	p.must(err)
	t.Cleanup(func() { p.must(s.Close()) })
	p.open(config.Kafka{Brokers: cluster.ListenAddrs(), TopicPrefix: "t."}, s, config.Redis{Addresses: []string{miniredis.RunT(t).Addr()}, KeyPrefix: "t"})
	return p
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// open makes the rest of the place around its engines, and a conversation of alice and bob.
func (p *place) open(kafka config.Kafka, s store.Store, redis config.Redis) {
	t := p.t
	t.Helper()
	var err error
	p.kafka, p.store = kafka, s
	p.producer, err = eventlog.NewProducer(p.kafka, eventlog.ProducerOptions{})
	p.must(err)
	t.Cleanup(func() { p.must(p.producer.Close(context.Background())) })
	p.cache, err = cache.Connect(redis)
	p.must(err)
	t.Cleanup(func() { p.must(p.cache.Close()) })

	pushes, err := sink.New(sink.Options{})
	p.must(err)
	srv := httptest.NewServer(pushes)
	t.Cleanup(srv.Close)
	p.sink = srv.URL
	client := pinpoint.NewClient(aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "")}, srv.URL)
	app, err := client.CreateApp(t.Context(), &awspinpoint.CreateAppInput{CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String("chat")}})
	p.must(err)
	p.app = *app.ApplicationResponse.Id
	p.sender = push.NewBreaker(pinpoint.New(client, pinpoint.Options{}))

	_, err = p.store.PutDevice(t.Context(), p.user("bob"), store.Device{ID: "phone", Platform: "android", PushChannel: "GCM", PushToken: "bobs-token", RegisteredAt: time.Now()})
	p.must(err)
	p.conv = p.create("room")
}

// create makes a conversation of alice and bob.
func (p *place) create(id string) store.Conv {
	p.t.Helper()
	c, err := store.NewConv("acme", id)
	p.must(err)
	first := &logpb.Batch{Id: []byte("0123456789abcdef"), Entries: []*logpb.Entry{{Seq: 1, Sender: "alice", ClientMsgId: "create", AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_MembersAdded{
		MembersAdded: &logpb.MembersAdded{Members: []*logpb.Member{{User: "alice", Role: store.RoleOwner}, {User: "bob", Role: store.RoleMember}}},
	}}}}
	members := []store.Member{{User: p.user("alice"), Role: store.RoleOwner, Joined: 1}, {User: p.user("bob"), Role: store.RoleMember, Joined: 1}}
	p.must(p.store.Create(p.t.Context(), store.Conversation{Conv: c, Kind: store.Direct, CreatedAt: time.Now()}, members, first, store.AppendOptions{}))
	p.publish(c, first)
	return c
}

func (p *place) user(id string) store.User {
	p.t.Helper()
	u, err := store.NewUser("acme", id)
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

func (p *place) say(seq uint64, body string) {
	p.t.Helper()
	p.sayIn(p.conv, seq, body)
}

func (p *place) sayIn(c store.Conv, seq uint64, body string) {
	p.t.Helper()
	p.publish(c, p.message(seq, body))
}

func (p *place) message(seq uint64, body string) *logpb.Batch {
	return &logpb.Batch{Id: fmt.Appendf(nil, "batch-%d", seq), Entries: []*logpb.Entry{{
		Seq: seq, Sender: "alice", ClientMsgId: fmt.Sprint("m", seq), AtMs: time.Now().UnixMilli(), Count: seq - 1,
		Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}},
	}}}
}

func (p *place) publish(c store.Conv, b *logpb.Batch) {
	p.t.Helper()
	done := make(chan error, 1)
	p.producer.PublishBatch(c, store.Direct, b, func(err error) { done <- err })
	if err := <-done; err != nil {
		p.t.Fatal(err)
	}
}

// start runs the role as a process would; the function ends it and waits for its end.
func (p *place) start(sender push.Sender) (stop func()) {
	p.t.Helper()
	return p.startAfter(200*time.Millisecond, sender)
}

// startAfter is start with another push delay.
func (p *place) startAfter(delay time.Duration, sender push.Sender) (stop func()) {
	p.t.Helper()
	n, err := notify.New(notify.Options{Store: p.store, Cache: p.cache, Sender: sender, Application: p.app, Delay: delay, Sweep: 100 * time.Millisecond})
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := eventlog.NewConsumer(p.kafka, n.ConsumerOptions())
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{n.Run, c.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				p.t.Error(err)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// shown is what bob's phone shows.
func (p *place) shown() []sink.Shown {
	p.t.Helper()
	resp, err := http.Get(p.sink + "/messages?" + url.Values{"address": {"bobs-token"}}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var v sink.View
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		p.t.Fatal(err)
	}
	if len(v.Phones) == 0 {
		return nil
	}
	return v.Phones[0].Messages
}

// until waits for a condition.
func (p *place) until(what string, ok func() bool) {
	p.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(90 * time.Second)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			p.t.Fatalf("waited in vain for %s; the phone shows %+v", what, p.shown())
		}
	}
}

func (p *place) pushed() uint64 {
	p.t.Helper()
	m, err := p.store.Membership(p.t.Context(), p.user("bob"), p.conv)
	if err != nil {
		p.t.Fatal(err)
	}
	return m.Pushed
}

// dying sends, and its process dies before it can write down that it has.
type dying struct {
	push.Sender
	dead chan struct{}
	once sync.Once
}

func (d *dying) Send(ctx context.Context, application string, messages []push.Message) []push.Result {
	results := d.Sender.Send(ctx, application, messages)
	d.once.Do(func() { close(d.dead) })
	<-ctx.Done()
	return results
}

func TestFromKafkaToThePhone(t *testing.T) {
	p := newPlace(t)
	ignore := cmpopts.IgnoreFields(sink.Shown{}, "ID", "At")
	expect := func(want ...sink.Shown) {
		t.Helper()
		if diff := cmp.Diff(want, p.shown(), ignore); diff != "" {
			t.Errorf("bob's phone (-want +got):\n%s", diff)
		}
	}
	show := func(seq int, body string, count int) sink.Shown {
		return sink.Shown{
			Title: "alice", Body: body, CollapseID: notify.CollapseID(p.conv), Count: count,
			Data: map[string]string{"conversation": "room", "seq": fmt.Sprint(seq)},
		}
	}

	// The first process dies between the push and writing it down.
	d := &dying{Sender: p.sender, dead: make(chan struct{})}
	stop := p.start(d)
	p.say(2, "hello")
	<-d.dead
	stop()
	expect(show(2, "hello", 1))
	if got := p.pushed(); got != 0 {
		t.Fatalf("the pushed mark is %d: the process did not die in time", got)
	}

	// The second repeats it, and the phone shows it once.
	stop = p.start(p.sender)
	p.until("the repeated push", func() bool { return p.pushed() == 2 })
	expect(show(2, "hello", 2))

	// What bob's phone confirms, as far as Redis knows, is not pushed; what it does not confirm is.
	if err := p.cache.RaiseMarks(t.Context(), p.user("bob"), p.conv, "phone", 3, 0); err != nil {
		t.Fatal(err)
	}
	p.say(3, "confirmed")
	p.say(4, "not confirmed")
	p.until("the second push", func() bool { return p.pushed() == 4 })
	expect(show(4, "not confirmed", 3))
	stop()

	// A third finds nothing left to do: the offsets were committed, or the mark says so.
	stop = p.start(p.sender)
	p.say(5, "the last")
	p.until("the last push", func() bool { return p.pushed() == 5 })
	expect(show(5, "the last", 4))
	stop()
}
