package fraud

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/lists"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Name is the detector's.
const Name = "fraud"

// Window is how long before a message the sender's others count with it: what a State is to be made with.
const Window = time.Hour

// Defaults of Options.
const (
	DefaultNewFor = 24 * time.Hour
	DefaultBurst  = 3
)

// State remembers senders. recall.Redis is one.
type State interface {
	Note(ctx context.Context, notes []recall.Note) ([]recall.Known, error)
}

// Options of a Detector. All may be empty.
type Options struct {
	// Lists is a folder with the operator's and tenants' lists, each a List in YAML.
	Lists string
	// Every is how often the folder is looked at; zero is every ten seconds.
	Every time.Duration
	// State remembers senders; nil: nobody is new.
	State State
	// NewFor is how long an account is new after it was first seen, Burst to how many conversations it may send links within an hour.
	NewFor     time.Duration
	Burst      int
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Detector finds fraud.
type Detector struct {
	o     Options
	lists *lists.Lists[List, *List, *book]
	guard *recall.Guard
}

// New returns a detector. An error: the folder cannot be read.
func New(o Options) (*Detector, error) {
	if o.NewFor <= 0 {
		o.NewFor = DefaultNewFor
	}
	if o.Burst <= 0 {
		o.Burst = DefaultBurst
	}
	var base []*List
	for _, name := range []string{"domains.yaml", "phrases.yaml"} {
		l, err := builtin(name)
		if err != nil {
			return nil, fmt.Errorf("fraud: the built-in list %s: %w", name, err)
		}
		base = append(base, l)
	}
	d := &Detector{o: o}
	var err error
	if d.guard, err = recall.NewGuard(Name, o.Log, o.Registerer); err != nil {
		return nil, err
	}
	d.lists, err = lists.Open(lists.Options{Dir: o.Lists, Detector: Name, Every: o.Every, Log: o.Log, Registerer: o.Registerer},
		func(files []*List) *book { return newBook(base, files) })
	if err != nil {
		return nil, fmt.Errorf("fraud: %w", err)
	}
	return d, nil
}

// Run follows the folder of lists until the context ends.
func (d *Detector) Run(ctx context.Context) error { return d.lists.Run(ctx) }

// Name is the processor's.
func (d *Detector) Name() string { return Name }

// Judge says of each message what is fraudulent in it. It fails only when the context has ended.
func (d *Detector) Judge(ctx context.Context, messages []moderate.Message) ([]moderate.Finding, error) {
	book := d.lists.Current()
	suspects := make([]*suspect, len(messages))
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		suspects[i] = book.of(m.Conv.Tenant()).look(m.Body)
	}
	if err := d.recall(ctx, messages, suspects); err != nil {
		return nil, err
	}
	findings := make([]moderate.Finding, len(messages))
	for i, s := range suspects {
		if s.Score() > 0 {
			findings[i] = moderate.Finding{Score: s.Score(), Reason: s.String(), Spans: s.guilty}
		}
	}
	return findings, nil
}

// recall adds what is known of the senders.
func (d *Detector) recall(ctx context.Context, messages []moderate.Message, suspects []*suspect) error {
	if d.o.State == nil {
		return nil
	}
	notes, of := notesOf(messages, suspects)
	var known []recall.Known
	ok, err := d.guard.Ask(ctx, len(messages), func(ctx context.Context) (err error) {
		known, err = d.o.State.Note(ctx, notes)
		return err
	})
	if err != nil || !ok {
		return err
	}
	for i, s := range suspects {
		if of[i] < 0 || len(s.links) == 0 {
			continue
		}
		k, at := known[of[i]], messages[i].At
		if !k.NewAt(at, d.o.NewFor) {
			continue
		}
		s.Add(newAccount)
		if conversations(k.Recent, at) > d.o.Burst {
			s.Add(burstOfLinks)
		}
	}
	return nil
}

// notesOf returns a note for each sender, and which one is each message's; -1: none. What is remembered are messages with links.
func notesOf(messages []moderate.Message, suspects []*suspect) (notes []recall.Note, of []int) {
	at, of := make(map[store.User]int, len(messages)), make([]int, len(messages))
	for i, m := range messages {
		of[i] = -1
		sender, err := store.NewUser(m.Conv.Tenant(), m.Sender)
		if err != nil {
			continue // nobody's
		}
		n, ok := at[sender]
		if !ok {
			n = len(notes)
			at[sender], notes = n, append(notes, recall.Note{Sender: sender, Seen: m.At})
		}
		of[i] = n
		if m.At.Before(notes[n].Seen) {
			notes[n].Seen = m.At
		}
		if len(suspects[i].links) > 0 {
			notes[n].Sent = append(notes[n].Sent, recall.Sent{Conv: xxhash.Sum64String(m.Conv.ID()), Seq: m.Seq, At: m.At})
		}
	}
	return notes, of
}

// conversations returns to how many a sender has sent within the window before a time.
func conversations(recent []recall.Sent, at time.Time) int {
	seen := map[uint64]bool{}
	for _, s := range recent {
		if !s.At.After(at) && at.Sub(s.At) < Window {
			seen[s.Conv] = true
		}
	}
	return len(seen)
}
