package check

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// outcome is what is known of an operation.
type outcome int

const (
	// pending has no answer yet; when the run is over it never got one, and may be there or not.
	pending outcome = iota
	acked
	refused
)

func (o outcome) String() string {
	return [...]string{"without an answer", "acknowledged", "refused"}[o]
}

// op is something that a device asked for and that becomes an entry.
type op struct {
	device *device
	// life counts the device's clients; order is that of the device's operations.
	life, order int
	conv        *conversation
	// kind is the entry's.
	kind string
	id   string // client_msg_id
	body string
	// as is the device that the entry is of: changes have one of their own.
	as string
	// target is the seq of the message to change.
	target uint64

	at      time.Time
	outcome outcome
	seq     uint64
	err     error
	done    time.Time
}

// conversation is one that was made.
type conversation struct {
	id    string
	kind  string
	owner string
	// members are those who are, or were, as far as the checker has asked for it.
	members map[string]bool
}

// shown is an entry as a device was shown it.
type shown struct {
	protocol.Entry
	at time.Time
}

// record notes an operation that is about to be made.
func (r *run) record(o *op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, o)
}

// settleOp notes how an operation ended. A client that was closed does not know.
func (r *run) settleOp(o *op, ack client.Ack, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o.done = time.Now()
	var e *client.Error
	switch {
	case err == nil:
		o.outcome, o.seq = acked, ack.Seq
	case errors.As(err, &e):
		o.outcome, o.err = refused, err
	default:
		o.err = err
	}
}

// memory is a device's state over its clients, as an application's database would keep it.
type memory struct {
	mu   sync.Mutex
	last map[string]uint64
}

func (m *memory) Load(context.Context) (map[string]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.last), nil
}

func (m *memory) Save(_ context.Context, conversation string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last[conversation] = max(m.last[conversation], seq)
	return nil
}

func (m *memory) seen(conversation string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[conversation]
}
