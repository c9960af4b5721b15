package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/semaphore"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// ErrClosed is returned by calls after Close.
var ErrClosed = errors.New("the embedded store is closed")

// exclusive is the weight of a writer; a reader weighs 1.
const exclusive = math.MaxInt64

// Options say how a store is opened.
type Options struct {
	// NoSync acknowledges writes before they are on disk.
	NoSync bool
	// FS replaces the system's file system. vfs.NewMem() keeps everything in memory.
	FS vfs.FS
	// Log takes Pebble's errors. Nil: nobody does.
	Log *slog.Logger
}

// Store is the embedded store.
type Store struct {
	db    *pebble.DB
	write *pebble.WriteOptions
	locks [stripes]stripe

	// use is held for reading by every call and for writing by Close.
	use    sync.RWMutex
	closed bool
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the directory, which is made when it is not there.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	db, err := pebble.Open(dir, tuned(&pebble.Options{FS: o.FS, Logger: logger{o.Log}}))
	if err != nil {
		return nil, fmt.Errorf("open embedded store: %w", err)
	}
	s := &Store{db: db, write: pebble.Sync}
	if o.NoSync {
		s.write = pebble.NoSync
	}
	for i := range s.locks {
		s.locks[i].Weighted = semaphore.NewWeighted(exclusive)
	}
	return s, nil
}

const (
	// syncEvery is the least time between two syncs. One takes a processor longer than a batch does: without it each would be its
	// own when few write at a time, at half the throughput.
	syncEvery = 500 * time.Microsecond
	// memTable is how much is written before it goes to a file of its own, which delays what is written meanwhile.
	memTable = 64 << 20
	// filterBits are those of a bloom filter per key: a look for a key that is not there is common.
	filterBits = 10
)

// tuned is for many small writes, each of a key that must not be there yet.
func tuned(o *pebble.Options) *pebble.Options {
	o.WALMinSyncInterval = func() time.Duration { return syncEvery }
	o.MemTableSize = memTable
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBits)
	}
	return o
}

// Close waits for the calls under way and closes the database. Closing again does nothing.
func (s *Store) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close embedded store: %w", err)
	}
	return nil
}

// enter starts a call that takes no lock. On success the caller defers leave.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.use.RLock()
	if s.closed {
		s.use.RUnlock()
		return nil, ErrClosed
	}
	return s.use.RUnlock, nil
}

// lock starts a call that holds its subject's lock: shared with weight 1, else exclusively.
func (s *Store) lock(ctx context.Context, subject string, weight int64) (unlock func(), err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	l := s.stripe(subject)
	if err := l.Acquire(ctx, weight); err != nil {
		leave()
		return nil, err
	}
	return func() {
		l.Release(weight)
		leave()
	}, nil
}

func (s *Store) stripe(subject string) *stripe { return &s.locks[xxhash.Sum64String(subject)%stripes] }

func conversationSubject(c store.Conv) string { return string(c.Tenant()) + "\x00c" + c.ID() }

func (s *Store) lockConv(ctx context.Context, c store.Conv, weight int64) (func(), error) {
	return s.lock(ctx, conversationSubject(c), weight)
}

func (s *Store) lockUser(ctx context.Context, u store.User, weight int64) (func(), error) {
	return s.lock(ctx, string(u.Tenant())+"\x00u"+u.ID(), weight)
}

// get returns a copy of the value, or store.ErrNotFound.
func get(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read embedded store: %w", err)
	}
	defer closer.Close()
	return append([]byte(nil), v...), nil
}

// commit writes all that fill puts into a batch, or nothing.
func (s *Store) commit(fill func(*pebble.Batch) error) error {
	b := s.db.NewBatch()
	defer b.Close() //nolint:errcheck // it only gives the buffer back
	if err := fill(b); err != nil {
		return err
	}
	if err := b.Commit(s.write); err != nil {
		return fmt.Errorf("write embedded store: %w", err)
	}
	return nil
}

// logger hands Pebble's errors to slog; its chatter is dropped.
type logger struct{ log *slog.Logger }

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("embedded store", "error", fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble calls it when it can no longer keep what it promised.
func (l logger) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	pebble.DefaultLogger.Fatalf(format, args...)
}
