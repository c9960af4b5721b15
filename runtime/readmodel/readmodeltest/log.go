package readmodeltest

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Log builds a conversation's log. It is not safe for concurrent use.
type Log struct {
	t     *testing.T
	Conv  store.Conv
	Kind  string
	Title string
	// StartMS is a step before the first entry; each entry is StepMS later than the one before; a second unless it is set.
	StartMS, StepMS int64
	// Batches are what was built so far.
	Batches []*logpb.Batch
	head    uint64
	count   uint64
	// folded are the batches as a store has them, once something was folded into them.
	folded map[int]*logpb.Batch
}

// stored returns the batches as a store has them.
func (l *Log) stored() []*logpb.Batch {
	batches := slices.Clone(l.Batches)
	for i, b := range l.folded {
		batches[i] = b
	}
	return batches
}

// NewLog returns an empty log.
func NewLog(t *testing.T, tenant, conversation, kind string) *Log {
	t.Helper()
	c, err := store.NewConv(store.Tenant(tenant), conversation)
	if err != nil {
		t.Fatal(err)
	}
	return &Log{t: t, Conv: c, Kind: kind, StartMS: 1_700_000_000_000, StepMS: 1000, folded: map[int]*logpb.Batch{}}
}

// Unfold forgets what was folded into the batches.
func (l *Log) Unfold() { clear(l.folded) }

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
		e.Seq, e.Count, e.AtMs = l.head, l.count, l.StartMS+int64(l.head)*l.StepMS
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

// Edit is another body for the message with that seq.
func Edit(sender string, target uint64, body string) *logpb.Entry {
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: target, Body: body}}}
}

// Delete deletes the message with that seq for everybody.
func Delete(sender string, target uint64) *logpb.Entry {
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: target}}}
}

// React is a reaction to the message with that seq.
func React(sender string, target uint64, emoji string) *logpb.Entry {
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_Reacted{Reacted: &logpb.Reacted{Target: target, Emoji: emoji}}}
}

// Judge is a processor's verdict on the message with that seq; a mask hides its first two runes.
func Judge(processor string, target uint64, action string, revision uint32) *logpb.Entry {
	return &logpb.Entry{Sender: processor, Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{
		Target: target, Action: action, Processor: processor, Revision: revision, Spans: []*logpb.Span{{Length: 2}},
	}}}
}

// Role is another role for a member.
func Role(sender, user, role string) *logpb.Entry {
	return &logpb.Entry{Sender: sender, Kind: &logpb.Entry_RoleChanged{RoleChanged: &logpb.RoleChanged{User: user, Role: role}}}
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
	batches := l.stored()
	start, _ := slices.BinarySearchFunc(batches, from, func(b *logpb.Batch, seq uint64) int { return cmp.Compare(store.Last(b), seq) })
	for _, b := range batches[start:] {
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

// Fold is store.Log's.
func (s *Source) Fold(_ context.Context, c store.Conv, entries []*logpb.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return s.Err
	}
	l, ok := s.logs[c]
	if !ok {
		return nil
	}
	return store.FoldBy(context.Background(), c, entries, func(_ context.Context, _ store.Conv, seq uint64, change func(*logpb.Batch) bool) error {
		for i, b := range l.stored() {
			if s.Lost != nil && s.Lost(c, store.First(b)) {
				continue
			}
			if changed := proto.CloneOf(b); fold.Entry(b, seq) != nil && change(changed) {
				l.folded[i] = changed
			}
		}
		return nil
	})
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
