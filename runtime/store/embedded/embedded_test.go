package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
	"github.com/chatcluster/chatcluster/runtime/store/storetest"
)

func open(tb testing.TB, dir string, o embedded.Options) *embedded.Store {
	tb.Helper()
	s, err := embedded.Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	for name, o := range map[string]embedded.Options{"synced": {}, "unsynced": {NoSync: true}} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store {
				o.FS = vfs.NewMem()
				return open(t, "store", o)
			})
		})
	}
}

func TestStoreOnDisk(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir(), embedded.Options{}) })
}

func conv(tb testing.TB, id string) store.Conv {
	tb.Helper()
	c, err := store.NewConv("t", id)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func batch(seq uint64) *logpb.Batch {
	return &logpb.Batch{Id: fmt.Append(nil, seq), Entries: []*logpb.Entry{{Seq: seq, Sender: "ann"}}}
}

// What was acknowledged is there after the machine lost everything that was not synced.
func TestCrashKeepsWhatWasAcknowledged(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, "store", embedded.Options{FS: fs})
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for i := range writers {
		c := conv(t, fmt.Sprint("c", i))
		wg.Go(func() {
			for seq := uint64(1); seq <= each; seq++ {
				if err := s.Append(t.Context(), c, batch(seq), store.AppendOptions{}); err != nil {
					t.Errorf("append %d: %v", seq, err)
				}
			}
		})
	}
	wg.Wait()
	after := open(t, "store", embedded.Options{FS: fs.CrashClone(vfs.CrashCloneCfg{})})
	for i := range writers {
		got, err := after.Read(t.Context(), conv(t, fmt.Sprint("c", i)), 1, 1000)
		if err != nil || len(got) != each {
			t.Errorf("conversation %d has %d batches after the crash, want %d: %v", i, len(got), each, err)
		}
	}
}

func TestReopen(t *testing.T) {
	dir, c := t.TempDir(), conv(t, "c")
	s := open(t, dir, embedded.Options{})
	if err := s.Append(t.Context(), c, batch(1), store.AppendOptions{Outbox: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, embedded.Options{})
	if err := s.Append(t.Context(), c, batch(1), store.AppendOptions{}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("append after reopening: %v, want ErrTaken", err)
	}
	if owed, err := s.Outbox(t.Context(), store.OutboxShard(c), 10); err != nil || len(owed) != 1 {
		t.Errorf("owed after reopening: %v, %v; want one batch", owed, err)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, "store", embedded.Options{FS: vfs.NewMem()})
	var wg sync.WaitGroup
	for i := range 8 {
		c := conv(t, fmt.Sprint("c", i))
		wg.Go(func() {
			for seq := uint64(1); ; seq++ {
				err := s.Append(context.Background(), c, batch(seq), store.AppendOptions{})
				if errors.Is(err, embedded.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("append while closing: %v", err)
					return
				}
			}
		})
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := s.Read(t.Context(), conv(t, "c"), 1, 1); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("read after Close: %v, want ErrClosed", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, noSync := range map[string]bool{"synced": false, "unsynced": true} {
		b.Run(name, func(b *testing.B) {
			s := open(b, b.TempDir(), embedded.Options{NoSync: noSync})
			var mu sync.Mutex
			n := 0
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				mu.Lock()
				n++
				c := conv(b, fmt.Sprint("c", n))
				mu.Unlock()
				for seq := uint64(1); pb.Next(); seq++ {
					if err := s.Append(b.Context(), c, batch(seq), store.AppendOptions{}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// The store remembers where logs end. What it remembers must not hide a place that is taken, nor take one that is free.
func TestAppendBelowTheEnd(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, "store", embedded.Options{FS: fs})
	c := conv(t, "c")
	steps := []struct {
		name   string
		reopen bool
		seq    uint64
		want   error
	}{
		{name: "the first", seq: 1},
		{name: "the same again", seq: 1, want: store.ErrTaken},
		{name: "after a gap", seq: 5},
		{name: "into the gap", seq: 3},
		{name: "into the gap again", seq: 3, want: store.ErrTaken},
		{name: "the end, after a start", reopen: true, seq: 5, want: store.ErrTaken},
		{name: "below the end, after a start", reopen: true, seq: 1, want: store.ErrTaken},
		{name: "free below the end, after a start", reopen: true, seq: 2},
		{name: "after the end, after a start", reopen: true, seq: 6},
		{name: "that again", seq: 6, want: store.ErrTaken},
	}
	for _, st := range steps {
		if st.reopen {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, "store", embedded.Options{FS: fs})
		}
		if err := s.Append(t.Context(), c, batch(st.seq), store.AppendOptions{}); !errors.Is(err, st.want) {
			t.Errorf("%s: %v, want %v", st.name, err, st.want)
		}
	}
}
