package lists

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DefaultEvery is how often the folder is looked at; the kubelet itself takes about a minute to bring a changed ConfigMap.
const DefaultEvery = 10 * time.Second

// File is a pointer to what a file holds.
type File[T any] interface {
	*T
	// Check returns what is wrong with it. The error goes to the log: it names keys and places, not what people put there.
	Check() error
}

// Options of Lists.
type Options struct {
	// Dir is the folder; empty: there are no lists.
	Dir string
	// Detector is whose lists they are: a label.
	Detector string
	// Every is how often the folder is looked at; zero is DefaultEvery.
	Every time.Duration
	// Log and Registerer may be nil.
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Lists are the files of a folder, as a whole made into a C.
type Lists[T any, F File[T], C any] struct {
	o       Options
	make    func([]F) C
	current atomic.Pointer[C]
	metrics metrics
	// files, state and broken are Run's.
	files  map[string]read[F]
	state  string
	broken bool
}

// Open reads the folder and returns its lists. Compile makes what is asked of the files, in the order of their names; it is called again
// whenever one has changed. An error: the folder cannot be read.
func Open[T any, F File[T], C any](o Options, compile func([]F) C) (*Lists[T, F, C], error) {
	if o.Every <= 0 {
		o.Every = DefaultEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Lists[T, F, C]{o: o, make: compile, files: map[string]read[F]{}}
	var err error
	if l.metrics, err = newMetrics(o.Registerer, o.Detector); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		none := compile(nil)
		l.current.Store(&none)
		return l, nil
	}
	return l, l.Refresh()
}

// Current returns what the lists are now.
func (l *Lists[T, F, C]) Current() C { return *l.current.Load() }

// Run keeps the lists current until the context ends.
func (l *Lists[T, F, C]) Run(ctx context.Context) error {
	if l.o.Dir == "" {
		<-ctx.Done()
		return nil
	}
	for {
		wait := time.NewTimer(l.o.Every + rand.N(l.o.Every/10+1))
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-wait.C:
		}
		switch err := l.Refresh(); {
		case err == nil:
			l.broken = false
		case !l.broken:
			l.broken = true
			l.o.Log.ErrorContext(ctx, "The folder of lists cannot be read; what it held stays in force", "detector", l.o.Detector, "error", err)
		}
	}
}

// Refresh looks at the folder once. It is not for use beside Run.
func (l *Lists[T, F, C]) Refresh() error {
	// What changes while files are read gives another fingerprint the next time.
	names, state, err := look(l.o.Dir)
	if err != nil {
		l.metrics.unreadable.Set(1)
		return err
	}
	l.metrics.unreadable.Set(0)
	if l.current.Load() != nil && state == l.state {
		return nil
	}
	l.state = state
	files := make(map[string]read[F], len(names))
	var valid []F
	invalid := 0
	for _, name := range names {
		f := readFile[T](l.o.Dir, name, l.files[name])
		files[name] = f
		if f.valid {
			valid = append(valid, f.file)
		}
		if f.err != nil {
			invalid++
			if old := l.files[name]; old.err == nil || old.err.Error() != f.err.Error() {
				l.o.Log.Error("A list is not valid; what it was stays in force", "detector", l.o.Detector, "file", name, "error", f.err)
			}
		}
	}
	l.files = files
	l.metrics.invalid.Set(float64(invalid))
	l.metrics.files.Set(float64(len(valid)))
	compiled := l.make(slices.Clip(valid))
	l.current.Store(&compiled)
	l.metrics.loaded.SetToCurrentTime()
	return nil
}
