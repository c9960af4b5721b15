package profanity

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/lists"
)

// Name is the detector's.
const Name = "profanity"

// What is found, as reasons.
const (
	reasonStrong = "profanity"
	reasonMild   = "mild-profanity"
)

// Options of a Detector. All may be empty.
type Options struct {
	// Locales are the built-in lists for tenants whose own lists name none; none is English alone.
	Locales []string
	// Lists is a folder with the operator's and tenants' lists, each a List in YAML.
	Lists string
	// Every is how often the folder is looked at; zero is every ten seconds.
	Every      time.Duration
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Detector finds profane words.
type Detector struct {
	lists *lists.Lists[List, *List, *book]
}

// New returns a detector. An error: a locale that has no list, or a folder that cannot be read.
func New(o Options) (*Detector, error) {
	if len(o.Locales) == 0 {
		o.Locales = []string{"en"}
	}
	for _, locale := range o.Locales {
		if _, ok := builtIn()[locale]; !ok {
			return nil, fmt.Errorf("profanity: there is no list %q; there are %s", locale, strings.Join(Locales(), ", "))
		}
	}
	l, err := lists.Open(lists.Options{Dir: o.Lists, Detector: Name, Every: o.Every, Log: o.Log, Registerer: o.Registerer},
		func(files []*List) *book { return newBook(o.Locales, files) })
	if err != nil {
		return nil, fmt.Errorf("profanity: %w", err)
	}
	return &Detector{lists: l}, nil
}

// Run follows the folder of lists until the context ends.
func (d *Detector) Run(ctx context.Context) error { return d.lists.Run(ctx) }

// Name is the processor's.
func (d *Detector) Name() string { return Name }

// Judge finds the profane words of each message, with their spans. It fails only when the context has ended.
func (d *Detector) Judge(ctx context.Context, messages []moderate.Message) ([]moderate.Finding, error) {
	book, s := d.lists.Current(), scanners.Get().(*scanner)
	defer scanners.Put(s)
	findings := make([]moderate.Finding, len(messages))
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		findings[i] = s.scan(book.of(m.Conv.Tenant()), m.Body)
	}
	return findings, nil
}
