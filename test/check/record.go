package check

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/logpb"
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

// op is something that somebody asked for and that becomes an entry.
type op struct {
	device *device
	// life counts the device's clients; order is that of the device's operations.
	life, order int
	conv        *conversation
	// want is what the entry is to say: kind, name and content. Its place and time are the log's. It has no device when it was
	// asked for over REST, or by a processor.
	want protocol.Entry
	// verdict is all of what a processor says.
	verdict *logpb.Verdict

	at      time.Time
	outcome outcome
	seq     uint64
	err     error
	done    time.Time
}

// ordered says whether the operation went over the socket, where what a device asks for keeps its order.
func (o *op) ordered() bool { return o.want.Device != "" }

// contradicts names what the entry says other than what was asked for. What later entries did to it is no contradiction.
func (o *op) contradicts(e *logpb.Entry) string {
	got, want := protocol.EntryOf(e), o.want
	m := e.GetMessage()
	switch {
	case got.Kind != want.Kind:
		return "kind"
	case got.Device != want.Device:
		return "device"
	case got.Target != want.Target || got.Emoji != want.Emoji || got.Removed != want.Removed || got.Title != want.Title:
		return "content"
	case !slices.Equal(got.Users, want.Users) || !slices.Equal(got.Members, want.Members):
		return "members"
	case m != nil && m.GetBodyRevision() == 0 && !m.GetDeleted() && m.GetBody() != want.Body:
		return "body"
	case e.GetEdited() != nil && !got.Redacted && got.Body != want.Body:
		return "body"
	case e.GetVerdict() != nil && !proto.Equal(e.GetVerdict(), o.verdict):
		return "verdict"
	}
	return ""
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
func (r *run) settleOp(o *op, seq uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o.done = time.Now()
	var e *client.Error
	switch {
	case err == nil:
		o.outcome, o.seq = acked, seq
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
