package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/process"
)

// profile takes profiles of a server beside a measurement, if the run asks for it: such a measurement is no figure. The
// function that it returns waits for it.
func (b *bench) profile(p *process.Server, name string, d time.Duration) func() {
	if b.o.Profile == "" {
		return func() {}
	}
	done := make(chan struct{})
	path := filepath.Join(b.o.Profile, fmt.Sprintf("%s-%d", name, b.runs))
	go func() {
		defer close(done)
		if err := p.Profile(path, d); err != nil {
			b.logf("no profile: %v", err)
		}
	}()
	return func() { <-done }
}

// profileHeap writes what a server holds now, and the runtime's own account of its memory, if the run asks for profiles.
func (b *bench) profileHeap(p *process.Server, name string) error {
	if b.o.Profile == "" {
		return nil
	}
	for suffix, page := range map[string]string{"heap.pprof": "/debug/pprof/heap", "heap.txt": "/debug/pprof/heap?debug=1"} {
		data, err := p.Get(page)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(b.o.Profile, fmt.Sprintf("%s-%d.%s", name, b.runs, suffix)), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
