package readmodeltest

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Log builds a conversation's log. It is not safe for concurrent use.
type Log struct {
	t     *testing.T
	Conv  store.Conv
	Kind  string
	Title string
	// StartMS is the time of the first entry; each entry is a second later than the one before.
	StartMS int64
	// Batches are what was built so far.
	Batches []*logpb.Batch
	head    uint64
	count   uint64
}

// NewLog returns an empty log.
func NewLog(t *testing.T, tenant, conversation, kind string) *Log {
	t.Helper()
	c, err := store.NewConv(store.Tenant(tenant), conversation)
	if err != nil {
		t.Fatal(err)
	}
	return &Log{t: t, Conv: c, Kind: kind, StartMS: 1_700_000_000_000}
}

// User returns a user of the log's tenant.
func (l *Log) User(id string) store.User {
	l.t.Helper()
	u, err := store.NewUser(l.Conv.Tenant(), id)
	if err != nil {
		l.t.Fatal(err)
	}
	return u
}

// Head returns the last entry's seq.
func (l *Log) Head() uint64 { return l.head }

// Batch appends entries as one batch.
func (l *Log) Batch(entries ...*logpb.Entry) *logpb.Batch {
	for _, e := range entries {
		l.head++
		if e.GetMessage() != nil {
			l.count++
		}
		e.Seq, e.Count, e.AtMs = l.head, l.count, l.StartMS+int64(l.head)*1000
		if e.ClientMsgId == "" {
			e.ClientMsgId = rand.Text()
		}
	}
	b := &logpb.Batch{Id: []byte(rand.Text()), Entries: entries}
	l.Batches = append(l.Batches, b)
	return b
}

// Say is a message.
func Say(sender, body string) *logpb.Entry {
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}}}
}

// Add is members who come.
func Add(sender string, users ...string) *logpb.Entry {
	added := &logpb.MembersAdded{}
	for _, u := range users {
		added.Members = append(added.Members, &logpb.Member{User: u, Role: store.RoleMember})
	}
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_MembersAdded{MembersAdded: added}}
}

// Remove is members who go.
func Remove(sender string, users ...string) *logpb.Entry {
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: users}}}
}

// Rename is a new title.
func Rename(sender, title string) *logpb.Entry {
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_Renamed{Renamed: &logpb.Renamed{Title: title}}}
}

// Source is a store that holds logs, as far as the model reads it. It is safe for concurrent use.
type Source struct {
	mu   sync.Mutex
	logs map[store.Conv]*Log
	owed map[store.Conv][]uint64
	// Err, when set, is what every call answers.
	Err error
	// Lost says which batches are gone.
	Lost func(c store.Conv, first uint64) bool
}

// NewSource returns a store that holds the logs.
func NewSource(logs ...*Log) *Source {
	s := &Source{logs: map[store.Conv]*Log{}, owed: map[store.Conv][]uint64{}}
	for _, l := range logs {
		s.logs[l.Conv] = l
	}
	return s
}

// Read is store.Log's.
func (s *Source) Read(_ context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return nil, s.Err
	}
	l, ok := s.logs[c]
	if !ok {
		return nil, nil
	}
	var out []store.Stored
	start, _ := slices.BinarySearchFunc(l.Batches, from, func(b *logpb.Batch, seq uint64) int { return cmp.Compare(store.Last(b), seq) })
	for _, b := range l.Batches[start:] {
		if len(out) == limit || store.First(b) > store.BucketEnd(from) {
			break
		}
		gone := s.Lost != nil && s.Lost(c, store.First(b))
		if gone {
			continue
		}
		out = append(out, store.Stored{Batch: proto.CloneOf(b)})
	}
	return out, nil
}

// MarkOutbox is store.Log's.
func (s *Source) MarkOutbox(_ context.Context, c store.Conv, first uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return s.Err
	}
	s.owed[c] = append(s.owed[c], first)
	return nil
}

// Owed returns the first seqs of the batches that were marked.
func (s *Source) Owed(c store.Conv) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.owed[c])
}

// Conversation is store.Conversations'.
func (s *Source) Conversation(_ context.Context, c store.Conv) (store.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return store.Conversation{}, s.Err
	}
	l, ok := s.logs[c]
	if !ok {
		return store.Conversation{}, store.ErrNotFound
	}
	return store.Conversation{Conv: c, Kind: l.Kind, Title: l.Title}, nil
}
