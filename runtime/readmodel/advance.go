package readmodel

import (
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Kinds of entry in the messages table.
const (
	kindMessage = "message"
	kindAdded   = "members_added"
	kindRemoved = "members_removed"
	kindRenamed = "renamed"
	kindEdited  = "edited"
	kindDeleted = "deleted"
	kindReacted = "reacted"
	kindRole    = "role_changed"
	kindVerdict = "verdict"
	// kindNewer is an entry that a newer release wrote.
	kindNewer = "newer"
)

var (
	// errContent is wrapped when a record can never be applied.
	errContent = errors.New("the record cannot be applied")
	// errGap says that entries before a record are missing.
	errGap = errors.New("entries before the record are missing")
)

// delta is what batches change.
type delta struct {
	// summary is the conversation afterwards.
	summary Summary
	entries []row
	// folded are rows of before, changed by what is folded into them.
	folded  []row
	members []memberChange
	// reviews are those that verdicts among the entries have opened or changed.
	reviews []Review
	// bodies are those of the edits among the entries that came without, by seq.
	bodies map[uint64]string
	// reads are the senders' own messages: unread, in the inbox, is what came after. Whom to push is decided by marks alone.
	reads map[string]uint64
}

type row struct {
	entry *logpb.Entry
	kind  string
	bytes []byte
}

func (r row) at() time.Time { return time.UnixMilli(r.entry.GetAtMs()) }

// memberChange is a member who comes, or goes.
type memberChange struct {
	user, role, peer string
	seq              uint64
	atMS             int64
	left             bool
	// roleOnly is a member who stays, in another role.
	roleOnly bool
	// title is the conversation's when the user left.
	title string
}

// advance applies batches in their order to the conversation as it is. Entries up to its head are skipped. Where a batch cannot be applied it
// returns the delta of those before it, how many those are, and an error that wraps errContent or errGap.
func advance(s Summary, batches []*logpb.Batch) (delta, int, error) {
	d := delta{summary: s, reads: map[string]uint64{}}
	for i, b := range batches {
		if store.Last(b) <= d.summary.Head {
			continue
		}
		if first := store.First(b); first > d.summary.Head+1 {
			return d, i, fmt.Errorf("%w: %d to %d", errGap, d.summary.Head+1, first-1)
		}
		if err := check(s.Conv, b); err != nil {
			return d, i, err
		}
		for _, e := range b.GetEntries() {
			if e.GetSeq() <= d.summary.Head {
				continue
			}
			if err := d.add(e); err != nil {
				return d, i, err
			}
		}
	}
	return d, len(batches), nil
}

// check refuses what no row can hold.
func check(c store.Conv, b *logpb.Batch) error {
	for _, e := range b.GetEntries() {
		if e.GetSeq() > math.MaxInt64 || e.GetCount() > math.MaxInt64 {
			return fmt.Errorf("%w: seq %d has a number out of range", errContent, e.GetSeq())
		}
		users := []string{}
		if e.GetSender() != "" {
			users = append(users, e.GetSender())
		}
		users = append(users, e.GetMembersRemoved().GetUsers()...)
		for _, m := range e.GetMembersAdded().GetMembers() {
			users = append(users, m.GetUser())
		}
		if changed := e.GetRoleChanged(); changed != nil {
			users = append(users, changed.GetUser())
		}
		for _, u := range users {
			if _, err := store.NewUser(c.Tenant(), u); err != nil {
				return fmt.Errorf("%w: seq %d: %w", errContent, e.GetSeq(), err)
			}
		}
	}
	return nil
}

func (d *delta) add(e *logpb.Entry) error {
	s := &d.summary
	e = fold.Unelided(e)
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		return fmt.Errorf("%w: seq %d cannot be encoded", errContent, e.GetSeq())
	}
	r := row{entry: e, kind: kindNewer, bytes: data}
	if s.Head == 0 {
		s.LastAtMS = e.GetAtMs()
	}
	s.Head, s.Count = e.GetSeq(), e.GetCount()
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Message:
		r.kind = kindMessage
		s.LastSeq, s.LastAtMS, s.LastSender = e.GetSeq(), e.GetAtMs(), e.GetSender()
		s.LastPreview = previewOf(k.Message)
		if e.GetSender() != "" {
			d.reads[e.GetSender()] = e.GetSeq()
		}
	case *logpb.Entry_MembersAdded:
		r.kind = kindAdded
		members := k.MembersAdded.GetMembers()
		for i, m := range members {
			c := memberChange{user: m.GetUser(), role: column(m.GetRole()), seq: e.GetSeq(), atMS: e.GetAtMs()}
			if s.Kind == store.Direct && len(members) == 2 {
				c.peer = members[1-i].GetUser()
			}
			d.members = append(d.members, c)
		}
	case *logpb.Entry_MembersRemoved:
		r.kind = kindRemoved
		for _, u := range k.MembersRemoved.GetUsers() {
			d.members = append(d.members, memberChange{user: u, seq: e.GetSeq(), atMS: e.GetAtMs(), left: true, title: s.Title})
		}
	case *logpb.Entry_Renamed:
		r.kind = kindRenamed
		s.Title = column(k.Renamed.GetTitle())
	case *logpb.Entry_Edited:
		r.kind = kindEdited
	case *logpb.Entry_Deleted:
		r.kind = kindDeleted
	case *logpb.Entry_Reacted:
		r.kind = kindReacted
	case *logpb.Entry_RoleChanged:
		r.kind = kindRole
		d.members = append(d.members, memberChange{
			user: k.RoleChanged.GetUser(), role: column(k.RoleChanged.GetRole()), seq: e.GetSeq(), roleOnly: true,
		})
	case *logpb.Entry_Verdict:
		r.kind = kindVerdict
	}
	d.entries = append(d.entries, r)
	return nil
}
