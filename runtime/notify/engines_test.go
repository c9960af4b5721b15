//go:build engines

package notify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
)

// realPlace is a place of the engines that run: Kafka, DynamoDB and Redis.
func realPlace(t *testing.T, partitions int32) (*place, *kadm.Client) {
	t.Helper()
	p := &place{t: t}
	need := func(name string) string {
		v := os.Getenv(name)
		if v == "" {
			t.Fatalf("%s is not set: this test needs the engines", name)
		}
		return v
	}
	kafka := config.Kafka{Brokers: strings.Split(need("CHATCLUSTER_TEST_KAFKA"), ","), TopicPrefix: "n" + uuid.NewString()[:8] + "."}
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka.Brokers...))
	p.must(err)
	t.Cleanup(cl.Close)
	adm := kadm.NewClient(cl)
	for _, topic := range eventlog.Topics() {
		n := topic.Partitions
		if n == 0 {
			n = partitions
		}
		_, err := adm.CreateTopic(t.Context(), n, 1, nil, eventlog.FullName(kafka.TopicPrefix, topic.Name))
		p.must(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for _, topic := range eventlog.Topics() {
			_, _ = adm.DeleteTopic(ctx, eventlog.FullName(kafka.TopicPrefix, topic.Name)) // the world ends anyway
		}
	})
	redis := config.Redis{Addresses: []string{need("CHATCLUSTER_TEST_REDIS")}, KeyPrefix: "test-" + uuid.NewString() + ":"}
	if secret := os.Getenv("CHATCLUSTER_TEST_REDIS_PASSWORD"); secret != "" {
		redis.PasswordFile = filepath.Join(t.TempDir(), "password")
		p.must(os.WriteFile(redis.PasswordFile, []byte(secret), 0o600))
	}
	client, prefix := dynamotest.Open(t)
	p.open(kafka, dynamo.New(client, prefix), redis)
	return p, adm
}

// committed is how many of the log's records the notifier's group has committed, -1 when nobody can tell: a group that has just
// come to be has no coordinator yet.
func (p *place) committed(adm *kadm.Client) int64 {
	p.t.Helper()
	offsets, err := adm.FetchOffsets(p.t.Context(), eventlog.FullName(p.kafka.TopicPrefix, eventlog.NotifyGroup))
	if err != nil {
		return -1
	}
	total := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { total += max(o.At, 0) })
	return total
}

// A process that ends while windows are open has committed nothing of them, and the next one pushes.
func TestRealEnginesOpenWindowsSurviveAProcess(t *testing.T) {
	p, adm := realPlace(t, 1)
	p.say(2, "while nobody was there")
	stop := p.startAfter(time.Hour, p.sender) // a delay that it does not live to see
	p.until("the group to commit what is no message", func() bool { return p.committed(adm) == 1 })
	stop()
	if n := p.committed(adm); n != 1 {
		t.Fatalf("%d records are committed: the message's was, and nobody has been pushed", n)
	}
	stop = p.start(p.sender)
	p.until("the push", func() bool { return p.pushed() == 2 })
	p.until("the commit after it", func() bool { return p.committed(adm) == 2 })
	stop()
	if shown := p.shown(); len(shown) != 1 || shown[0].Body != "while nobody was there" {
		t.Errorf("the phone shows %+v", shown)
	}
}

// Partitions move between processes while windows are open: every conversation's message is pushed.
func TestRealEnginesOpenWindowsSurviveARebalance(t *testing.T) {
	p, adm := realPlace(t, 6)
	const conversations = 12
	var convs []store.Conv
	for i := range conversations {
		convs = append(convs, p.create(fmt.Sprint("c", i)))
	}
	const delay = 6 * time.Second
	stopA := p.startAfter(delay, p.sender)
	p.until("the first process to have read it", func() bool { return p.committed(adm) == conversations+1 })
	for i, c := range convs {
		p.sayIn(c, 2, fmt.Sprint("hello ", i))
	}
	stopB := p.startAfter(delay, p.sender) // takes half of the partitions, with their open windows
	defer stopB()
	p.until("every push", func() bool { return len(p.shown()) == conversations })
	for i, c := range convs {
		p.sayIn(c, 3, fmt.Sprint("again ", i))
	}
	stopA() // gives the other half away
	covered := func() bool {
		for _, c := range convs {
			m, err := p.store.Membership(t.Context(), p.user("bob"), c)
			p.must(err)
			if m.Pushed < 3 {
				return false
			}
		}
		return true
	}
	p.until("every push after the second move", covered)
	p.until("every record's commit", func() bool { return p.committed(adm) == 3*conversations+1 })
}

// What sleeps is in DynamoDB: the offset does not wait for it, and another process pushes it.
func TestRealEnginesQuietHoursSurviveAProcess(t *testing.T) {
	p, adm := realPlace(t, 1)
	now := time.Now().UTC()
	minute := now.Hour()*60 + now.Minute()
	asleep := store.Device{ID: "phone", Platform: "android", PushChannel: "GCM", PushToken: "bobs-token"}
	asleep.Preferences = store.DevicePreferences{QuietFrom: minute, QuietTo: (minute + 600) % 1440, QuietZone: "UTC"}
	_, err := p.store.PutDevice(t.Context(), p.user("bob"), asleep)
	p.must(err)
	stop := p.start(p.sender)
	p.say(2, "zzz")
	p.until("the commit", func() bool { return p.committed(adm) == 2 })
	stop()
	if shown := p.shown(); len(shown) != 0 {
		t.Fatalf("the phone sleeps and shows %+v", shown)
	}
	shard := store.DeferralShard(p.user("bob"))
	kept, err := p.store.Deferred(t.Context(), shard, now.Add(24*time.Hour), 10)
	p.must(err)
	if len(kept) != 1 || kept[0].Seq != 2 {
		t.Fatalf("deferred are %+v", kept)
	}
	// Hours go by: the test moves the deferral, and wakes the phone.
	due := kept[0]
	due.Due = now
	p.must(p.store.Defer(t.Context(), due))
	p.must(p.store.RemoveDeferral(t.Context(), kept[0]))
	asleep.Preferences = store.DevicePreferences{}
	_, err = p.store.PutDevice(t.Context(), p.user("bob"), asleep)
	p.must(err)
	// The log's message is in Kafka only: the store is given it, as the chat service would have.
	p.must(p.store.Append(t.Context(), p.conv, p.message(2, "zzz"), store.AppendOptions{}))
	stop = p.start(p.sender)
	defer stop()
	p.until("the push", func() bool { return len(p.shown()) == 1 })
	p.until("nothing to be left", func() bool {
		left, err := p.store.Deferred(t.Context(), shard, now.Add(24*time.Hour), 10)
		p.must(err)
		return len(left) == 0
	})
}
