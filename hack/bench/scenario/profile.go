package scenario

import (
	"fmt"
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
