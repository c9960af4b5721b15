package eventlog

import "sync"

// offsets knows which of a partition's records are complete. What may be committed is everything below the lowest one that
// is not.
type offsets struct {
	mark func(next int64, epoch int32) // called under mu, in rising order

	mu     sync.Mutex
	window []pending // in offset order, from the lowest that is not complete
	base   uint64    // how many were removed from the window's front
	closed bool
}

type pending struct {
	offset int64
	epoch  int32
	done   bool
}

// add takes a record and returns its ticket. Offsets are added in order; they need not be consecutive.
func (o *offsets) add(offset int64, epoch int32) (ticket uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.window = append(o.window, pending{offset: offset, epoch: epoch})
	return o.base + uint64(len(o.window)) - 1
}

// complete marks a ticket's record as complete. It returns how many records are still in the window.
func (o *offsets) complete(ticket uint64) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || ticket < o.base {
		return len(o.window)
	}
	o.window[ticket-o.base].done = true
	n := 0
	for n < len(o.window) && o.window[n].done {
		n++
	}
	if n == 0 {
		return len(o.window)
	}
	last := o.window[n-1]
	o.window = o.window[n:]
	o.base += uint64(n)
	o.mark(last.offset+1, last.epoch)
	return len(o.window)
}

// len is how many records were taken and may not be committed yet.
func (o *offsets) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.window)
}

// close ignores what completes from now on.
func (o *offsets) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}
