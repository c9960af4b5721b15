package mutes

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

var now = time.Now().Truncate(time.Second)

func ann(t *testing.T) store.User {
	t.Helper()
	u, err := store.NewUser("acme", "ann")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func said(ago, remaining time.Duration, by string) store.Mute {
	return store.Mute{At: now, Said: now.Add(-ago), Until: now.Add(remaining), By: by}
}

func lifted(ago time.Duration) store.Mute {
	return store.Mute{At: now, Said: now.Add(-ago), By: "moderator", Lifted: true}
}

func TestWhoIsMuted(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		said   []store.Mute
		want   time.Duration
	}{
		"Nobody":    {"nothing was said", nil, 0},
		"Muted":     {"it was said", []store.Mute{said(time.Minute, time.Hour, "spam")}, time.Hour},
		"Latest":    {"the shorter one ends first", []store.Mute{said(2*time.Minute, 2*time.Hour, "spam"), said(time.Minute, time.Hour, "fraud")}, 2 * time.Hour},
		"Over":      {"mutes end by themselves", []store.Mute{said(time.Hour, -time.Minute, "spam")}, 0},
		"Lifted":    {"a moderator took it back", []store.Mute{said(2*time.Minute, time.Hour, "spam"), lifted(time.Minute)}, 0},
		"Again":     {"it was said after that", []store.Mute{said(2*time.Minute, 2*time.Hour, "spam"), lifted(time.Minute), said(30*time.Second, time.Hour, "spam")}, time.Hour},
		"Replayed":  {"what was lifted stays lifted, however often it is said", []store.Mute{said(2*time.Minute, time.Hour, "spam"), lifted(time.Minute), said(2*time.Minute, time.Hour, "spam")}, 0},
		"OldLifted": {"only what was said before is taken back", []store.Mute{lifted(time.Hour), said(time.Minute, time.Hour, "spam")}, time.Hour},
	} {
		for range 8 { // in whatever order it becomes known
			d, err := New(Options{Store: stored{}})
			if err != nil {
				t.Fatal(err)
			}
			d.now = func() time.Time { return now }
			for _, i := range rand.Perm(len(tc.said)) {
				m := tc.said[i]
				m.User = ann(t)
				d.apply([]store.Mute{m}, time.Time{})
			}
			until, is := d.Until(ann(t))
			if is != (tc.want > 0) || is && !until.Equal(now.Add(tc.want)) {
				t.Errorf("%s: %s: until %v, %v", name, tc.reason, until, is)
			}
		}
	}
}

// What one pod keeps the others learn, and one that starts learns all of it; what is over is forgotten.
func TestEveryPodLearnsOfIt(t *testing.T) {
	s, err := embedded.Open("db", embedded.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	open := func() *Directory {
		d, err := New(Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	here, there := open(), open()
	if err := there.poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := said(time.Minute, time.Hour, "spam")
	m.User = ann(t)
	if err := here.Mute(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	late := open()
	for _, d := range []*Directory{there, late} {
		if err := d.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, d := range []*Directory{here, there, late} {
		if until, muted := d.Until(ann(t)); !muted || !until.Equal(m.Until) {
			t.Errorf("pod %d: until %v, %v", i, until, muted)
		}
	}
	if err := there.Lift(t.Context(), ann(t), "moderator"); err != nil {
		t.Fatal(err)
	}
	if err := here.poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if until, muted := here.Until(ann(t)); muted {
		t.Errorf("until %v after the lifting", until)
	}
	here.now = func() time.Time { return now.Add(2 * store.MaxMute) }
	here.apply(nil, time.Time{})
	if len(here.of) > 0 {
		t.Error("what is over is remembered")
	}
}

func TestFailedReadsChangeNothing(t *testing.T) {
	d, err := New(Options{Store: stored{errors.New("away")}})
	if err != nil {
		t.Fatal(err)
	}
	m := said(time.Minute, time.Hour, "spam")
	m.User = ann(t)
	d.apply([]store.Mute{m}, time.Time{})
	if err := d.poll(t.Context()); err == nil {
		t.Error("no error")
	}
	if _, muted := d.Until(ann(t)); !muted {
		t.Error("the mute is forgotten")
	}
	if err := d.Mute(t.Context(), m); err == nil {
		t.Error("a mute that was not kept is no success")
	}
}

// stored is a store that is away, or has nothing.
type stored struct{ err error }

func (s stored) Mute(context.Context, store.Mute) error { return s.err }

func (s stored) Mutes(context.Context, time.Time) ([]store.Mute, error) { return nil, s.err }
