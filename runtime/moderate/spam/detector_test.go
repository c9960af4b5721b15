package spam_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/detectortest"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier/corpus"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var (
	_ moderate.Detector = (*spam.Detector)(nil)
	_ spam.State        = (*recall.Redis)(nil)
)

// start is when the tests' messages begin: before it, all was remembered for three days.
var start = time.UnixMilli(1_800_000_000_000)

// world is a detector with a state of its own.
type world struct {
	*testing.T
	*spam.Detector
	seq uint64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	state := recall.New(client, recall.Options{Detector: spam.Name, Window: spam.Window})
	t.Cleanup(func() { _ = state.Close() })
	d, err := spam.New(spam.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, Detector: d}
	w.judge(w.message("c", -72*time.Hour, "ann", "hi"))
	return w
}

func (w *world) message(conv string, at time.Duration, sender, body string) moderate.Message {
	w.Helper()
	v, err := store.NewConv("acme", conv)
	if err != nil {
		w.Fatal(err)
	}
	w.seq++
	return moderate.Message{Conv: v, Seq: w.seq, Sender: sender, At: start.Add(at), Body: body}
}

func (w *world) judge(messages ...moderate.Message) []string {
	w.Helper()
	found, err := w.Judge(w.Context(), messages)
	if err != nil {
		w.Fatal(err)
	}
	out := make([]string, len(found))
	for i, f := range found {
		if out[i] = f.Reason; (f.Score > 0) != (f.Reason != "") || f.Score > 100 || f.Spans != nil {
			w.Errorf("%+v", f)
		}
	}
	return out
}

// first returns from which message on a reason is found, 0: from none, and that it is then found in all after it.
func (w *world) first(reason string, messages []moderate.Message) int {
	w.Helper()
	at := 0
	for i, found := range w.judge(messages...) {
		is := strings.Contains(","+found, ","+reason+":")
		if is && at == 0 {
			at = i + 1
		}
		if !is && at != 0 {
			w.Errorf("%s is found in message %d and not in %d", reason, at, i+1)
		}
	}
	return at
}

func TestBehavior(t *testing.T) {
	const advert = "hello there, would you look at the new flat that we have near the old harbor"
	for _, tc := range []struct {
		reason, found string
		at            int
		message       func(w *world, i int) moderate.Message
	}{
		{"more than thirty a minute", "velocity", 31, func(w *world, i int) moderate.Message {
			return w.message("c", time.Duration(i)*time.Second, "ann", "well")
		}},
		{"thirty a minute are a lively talk", "velocity", 0, func(w *world, i int) moderate.Message {
			return w.message("c", time.Duration(i)*2*time.Second, "ann", "well")
		}},
		{"more than ninety", "flood", 91, func(w *world, i int) moderate.Message {
			return w.message("c", time.Duration(i)*500*time.Millisecond, "ann", "well")
		}},
		{"more than fifteen conversations in ten minutes", "fan-out", 16, func(w *world, i int) moderate.Message {
			return w.message(fmt.Sprint("c", i), time.Duration(i)*30*time.Second, "ann", "hi")
		}},
		{"slower is none", "fan-out", 0, func(w *world, i int) moderate.Message {
			return w.message(fmt.Sprint("c", i), time.Duration(i)*time.Minute, "ann", "hi")
		}},
		{"about the same to more than two others", "near-duplicate", 4, func(w *world, i int) moderate.Message {
			return w.message(fmt.Sprint("c", i), time.Duration(i)*5*time.Minute, "ann", advert+strings.Repeat("!", i%3)+" "+strings.Repeat("x", i%10))
		}},
		{"again and again in one conversation is between two", "near-duplicate", 0, func(w *world, i int) moderate.Message {
			return w.message("c", time.Duration(i)*5*time.Minute, "ann", advert)
		}},
		{"short words are everybody's", "near-duplicate", 0, func(w *world, i int) moderate.Message {
			return w.message(fmt.Sprint("c", i), time.Duration(i)*5*time.Minute, "ann", "happy new year!")
		}},
		{"the same by many in more than eight conversations", "spread", 9, func(w *world, i int) moderate.Message {
			return w.message(fmt.Sprint("c", i), time.Duration(i)*time.Second, fmt.Sprint("bot", i), fmt.Sprintf("%s, no %d https://x%d.example.com", advert, i, i))
		}},
		{"more than eight conversations begun in an hour", "new-contacts", 9, func(w *world, i int) moderate.Message {
			return w.message(fmt.Sprint("d", i), time.Duration(i)*59*time.Second, "ann", "hi")
		}},
	} {
		t.Run(tc.found+"/"+tc.reason, func(t *testing.T) {
			w := newWorld(t)
			var messages []moderate.Message
			for i := range 100 {
				messages = append(messages, tc.message(w, i))
			}
			if tc.found == "near-duplicate" || tc.found == "new-contacts" {
				messages = messages[:12] // an hour of them
			}
			if tc.found == "fan-out" || tc.found == "velocity" {
				messages = messages[:19]
				if tc.found == "velocity" {
					messages = messages[:0]
					for i := range 60 {
						messages = append(messages, tc.message(w, i))
					}
				}
			}
			once := w.judge(messages...)
			if at := w.first(tc.found, messages); at != tc.at {
				t.Errorf("%s: found from message %d on, want %d", tc.reason, at, tc.at)
			}
			// A rebalance: some of it again, in another batch.
			if d := cmp.Diff(once[5:12], w.judge(messages[5:12]...)); d != "" {
				t.Errorf("judged otherwise when it comes again (-want +got):\n%s", d)
			}
		})
	}
}

func TestOldContactsAreNotNew(t *testing.T) {
	w := newWorld(t)
	var before, now []moderate.Message
	for i := range 12 {
		before = append(before, w.message(fmt.Sprint("c", i), -30*time.Hour+time.Duration(i)*time.Hour, "ann", "hi"))
		now = append(now, w.message(fmt.Sprint("c", i), time.Duration(i)*time.Minute, "ann", "hi"))
	}
	w.judge(before...)
	if at := w.first("new-contacts", now); at != 0 {
		t.Errorf("who writes to whom it knows is found, from message %d on", at)
	}
}

func TestLinksOfNewSenders(t *testing.T) {
	w := newWorld(t)
	link := "that is at https://example.com/x"
	for _, tc := range []struct {
		reason string
		m      moderate.Message
		want   string
	}{
		{"a new sender's link", w.message("c", 0, "eve", link), "new-sender-link:25"},
		{"an edit brings one as well", moderate.Message{Conv: w.message("c", 0, "", "").Conv, Seq: 3, BodyAt: 4, Sender: "eve", At: start, Body: link}, "new-sender-link:25"},
		{"who was there before", w.message("c", 0, "ann", link), ""},
		{"a new sender's words", w.message("c", 0, "bob", "hi"), ""},
		{"a day later", w.message("c", 25*time.Hour, "eve", link), ""},
	} {
		if got := w.judge(tc.m)[0]; got != tc.want {
			t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
		}
	}
}

// away is a State that does not answer.
type away struct{ asked int }

func (a *away) Note(context.Context, []recall.Note) ([]recall.Known, error) {
	a.asked++
	return nil, errors.New("away")
}

func (a *away) Spread(context.Context, []recall.Text) ([]int, error) { return nil, errors.New("away") }

const loud = "Make $500 daily working from home, no experience needed! Message me now!!!"

func TestJudgesWithoutState(t *testing.T) {
	a := &away{}
	for name, o := range map[string]spam.Options{"none": {}, "away": {State: a}} {
		d, err := spam.New(o)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, Detector: d}
		for range 3 {
			if d := cmp.Diff([]string{"classifier:70", ""}, w.judge(w.message("c", 0, "eve", loud), w.message("c", 0, "eve", "see you at eight"))); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
		}
	}
	if a.asked != 1 {
		t.Errorf("it was asked %d times", a.asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := spam.New(spam.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Judge(ctx, make([]moderate.Message, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func FuzzJudge(f *testing.F) {
	_, held, err := corpus.Read()
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range held {
		f.Add(e.Body)
	}
	f.Add("\xff 你好你好你好你好你好你好你好你好你好你好你好你好你好")
	d, err := spam.New(spam.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := &world{T: t, Detector: d}
		w.judge(w.message("c", 0, "eve", body))
	})
}

// BenchmarkJudge judges batches of the corpus' bodies without state; package recall's cost is measured by hack/bench.
func BenchmarkJudge(b *testing.B) {
	training, _, err := corpus.Read()
	if err != nil {
		b.Fatal(err)
	}
	v, err := store.NewConv("acme", "c")
	if err != nil {
		b.Fatal(err)
	}
	d, err := spam.New(spam.Options{})
	if err != nil {
		b.Fatal(err)
	}
	messages := make([]moderate.Message, 500)
	for i := range messages {
		messages[i] = moderate.Message{Conv: v, Seq: uint64(i + 1), Sender: "ann", At: start, Body: training[i%len(training)].Body}
	}
	detectortest.Rate(b, len(messages), func() error {
		_, err := d.Judge(b.Context(), messages)
		return err
	})
}
