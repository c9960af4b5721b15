package store

import (
	"context"
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// Limits of a batch: one small message costs one DynamoDB write unit, and a busy conversation shares them.
const (
	// MaxBatchEntries is how many entries one batch holds at most.
	MaxBatchEntries = 32
	// MaxBatchBytes is how large a batch may grow by adding entries; an entry larger than that goes alone.
	MaxBatchBytes = 16 << 10
	// BucketSeqs is how many seqs share a partition. No batch crosses a bucket's end.
	BucketSeqs = 4096
	// MaxMemberChange is how many members one entry brings or removes at most: a DynamoDB transaction holds 100 actions,
	// and each member takes two.
	MaxMemberChange = 40
	// MaxFolded is how large a stored batch may grow by folding: each write of it costs as many units as it has kilobytes.
	MaxFolded = 128 << 10
	// MaxRoleChange is how many members one batch gives another role at most, beside those: each takes one action.
	MaxRoleChange = 10
	// OutboxShards is how many shards the outbox index has.
	OutboxShards = 64
)

var (
	// ErrTaken says that another batch holds the key: the caller is not at the head of the log.
	ErrTaken = errors.New("the log's next key is taken")
	// ErrExists says that the thing exists already.
	ErrExists = errors.New("exists already")
	// ErrNotFound says that there is no such thing.
	ErrNotFound = errors.New("not found")
)

// Bucket returns the partition of a batch that starts at first.
func Bucket(first uint64) uint64 { return (first - 1) / BucketSeqs }

// BucketEnd returns the last seq of the bucket that holds first.
func BucketEnd(first uint64) uint64 { return (Bucket(first) + 1) * BucketSeqs }

// First returns the seq of the batch's first entry.
func First(b *logpb.Batch) uint64 { return b.GetEntries()[0].GetSeq() }

// Last returns the seq of the batch's last entry.
func Last(b *logpb.Batch) uint64 { return b.GetEntries()[len(b.GetEntries())-1].GetSeq() }

// Stored is a batch as the store holds it.
type Stored struct {
	Batch *logpb.Batch
	// ExpiresAt is when the batch leaves the hot store. It may still be read after that: histories filter, lanes do not.
	ExpiresAt time.Time
	// Outbox is true when Kafka is still owed the batch.
	Outbox bool
}

// Log is a conversation's log.
type Log interface {
	// Append puts the batch under its first seq if nothing is there. ErrTaken when something is: that may be this very batch,
	// written by an earlier call whose answer was lost, so the caller reads the key and compares the batch's id. ErrInvalid
	// when the batch fails CheckBatch. Any other error: unknown, and the write may still land later.
	Append(ctx context.Context, c Conv, b *logpb.Batch, o AppendOptions) error
	// Read returns stored batches in order, strongly consistent, from the one that holds seq from (or, where that is gone,
	// the next one in from's bucket) up to the end of that bucket, at most limit batches. A full bucket's successor is read
	// by asking again from the next bucket's first seq. No batches: the log has nothing there, or limit is not positive.
	Read(ctx context.Context, c Conv, from uint64, limit int) ([]Stored, error)
	// MarkOutbox marks the stored batch as owed to Kafka. Repeatable. ErrNotFound when no batch is stored under first.
	MarkOutbox(ctx context.Context, c Conv, first uint64) error
	// ClearOutbox removes the mark. Repeatable; a batch that is gone owes nothing.
	ClearOutbox(ctx context.Context, c Conv, first uint64) error
	// Outbox returns batches of a shard (0 to OutboxShards−1) that are owed to Kafka, at most limit, each conversation's in
	// order among what is returned. OutboxShard names a conversation's shard. The index behind it may lag: a batch may show
	// shortly after it was cleared, and late after it was marked.
	Outbox(ctx context.Context, shard, limit int) ([]Owed, error)
	// Fold folds entries of the conversation, which are committed and in the order of their seqs, into the stored messages that
	// they target, as package fold says. Repeatable, and so is a part of it after an error; who calls it must have folded all earlier entries.
	// Ids, expiries and outbox marks stay. What targets nothing stored changes nothing. A batch grows to MaxFolded at
	// most, or a little more where it was that large before: what does not fit is elided.
	Fold(ctx context.Context, c Conv, entries []*logpb.Entry) error
}

// AppendOptions go with a batch.
type AppendOptions struct {
	// Outbox marks the batch as owed to Kafka in the same write.
	Outbox bool
	// ExpiresAt is when the batch may leave the hot store. Zero: never.
	ExpiresAt time.Time
}

// Owed is a batch that Kafka is owed.
type Owed struct {
	Conv  Conv
	First uint64
	Batch *logpb.Batch
}

// Kinds of conversation.
const (
	Direct = "direct"
	Group  = "group"
)

// Roles of a member.
const (
	RoleOwner  = "owner"
	RoleAdmin  = "admin"
	RoleMember = "member"
)

// Conversation is what is known of a conversation beside its log.
type Conversation struct {
	Conv  Conv
	Kind  string
	Title string
	// Tail is a seq at which a batch ends and up to which readers have applied the log: a lane opens there.
	Tail uint64
	// TailCount is the running count of countable messages at Tail.
	TailCount uint64
	// Floor is a seq that the log has reached for certain: it outlives the batches, so that an opening that reads less knows
	// that some have expired.
	Floor     uint64
	CreatedAt time.Time
}

// Member is a user's place in a conversation. Joined and Left are seqs; Left is 0 while the user is a member.
type Member struct {
	User   User
	Role   string
	Joined uint64
	Left   uint64
}

// MemberChange is a member who comes (Joined is the seq of the entry that says so), goes (Left is), or stays and gets another
// role (both are 0).
type MemberChange = Member

// Stays says whether the change is one of the role alone.
func (m Member) Stays() bool { return m.Joined == 0 && m.Left == 0 }

// Conversations keeps conversations and their members.
type Conversations interface {
	// Create writes the conversation, its members, their memberships and the log's first batch in one transaction.
	// ErrExists when the conversation is there already. At most MaxMemberChange members, each of the conversation's tenant and
	// named once, else ErrInvalid.
	Create(ctx context.Context, c Conversation, members []Member, first *logpb.Batch, o AppendOptions) error
	// Conversation returns the conversation, strongly consistent, or ErrNotFound.
	Conversation(ctx context.Context, c Conv) (Conversation, error)
	// Members returns everyone who is or was a member, strongly consistent, ordered by user id.
	Members(ctx context.Context, c Conv) ([]Member, error)
	// MembersPage returns at most limit of Members, those after the user with that id, or the first ones when it is empty; fewer
	// means that no more follow. The order is the store's own and the same at every call: ids with a byte that Escape changes may
	// stand elsewhere than in Members.
	MembersPage(ctx context.Context, c Conv, after string, limit int) ([]Member, error)
	// ChangeMembers appends the batch and applies the changes to members and memberships in one transaction, and so the title
	// where an entry of the batch says that the conversation was renamed. ErrTaken when the key is taken. The changes must
	// pass CheckMembers, else ErrInvalid. Who leaves keeps role and joined as they were; who comes again keeps the marks and
	// the earlier stay; who gets another role must be a member.
	ChangeMembers(ctx context.Context, c Conv, b *logpb.Batch, changes []MemberChange, o AppendOptions) error
	// RaiseTail raises the tail mark; a lower mark changes nothing. ErrNotFound when there is no such conversation.
	RaiseTail(ctx context.Context, c Conv, tail, count uint64) error
	// RaiseFloor raises the floor; a lower one changes nothing. ErrNotFound when there is no such conversation.
	RaiseFloor(ctx context.Context, c Conv, floor uint64) error
}

// Walks goes through all of a store, for who makes something anew of it.
type Walks interface {
	// EachConversation calls f with every conversation of every tenant, in no order, until f fails. Those that are created meanwhile may be
	// left out.
	EachConversation(ctx context.Context, f func(Conv) error) error
}

// Membership is a conversation from its member's side, with the member's marks.
type Membership struct {
	Conv   Conv
	Joined uint64
	Left   uint64
	// Earlier are the stays before this one, of a user who left and came back.
	Earlier []Interval
	// Delivered is the highest seq that each device has confirmed, by device id.
	Delivered map[string]uint64
	// Read is the highest seq that the user has read on any device.
	Read uint64
	// Pushed is the highest seq that a push has covered.
	Pushed uint64
	Preferences
}

// Preferences are what a user wants of a conversation, on all devices.
type Preferences struct {
	// MutedUntil is until when no push is wanted; zero means not muted. Milliseconds.
	MutedUntil time.Time
	Archived   bool
	Pinned     bool
}

// PreferencesChange is what to change of a user's preferences; what is nil stays.
type PreferencesChange struct {
	// MutedUntil is zero to unmute.
	MutedUntil *time.Time
	Archived   *bool
	Pinned     *bool
}

// Apply changes the preferences.
func (p *Preferences) Apply(ch PreferencesChange) {
	if ch.MutedUntil != nil {
		p.MutedUntil = time.Time{}
		if !ch.MutedUntil.IsZero() {
			p.MutedUntil = time.UnixMilli(ch.MutedUntil.UnixMilli()).UTC()
		}
	}
	if ch.Archived != nil {
		p.Archived = *ch.Archived
	}
	if ch.Pinned != nil {
		p.Pinned = *ch.Pinned
	}
}

// Memberships keeps each user's conversations and marks. Marks only rise: a lower one changes nothing.
type Memberships interface {
	// Memberships returns all of the user's, strongly consistent, those left included, ordered by conversation id.
	Memberships(ctx context.Context, u User) ([]Membership, error)
	// Membership returns one, strongly consistent, or ErrNotFound.
	Membership(ctx context.Context, u User, c Conv) (Membership, error)
	// RaiseDelivered raises a device's mark. ErrNotFound when the user has no such membership.
	RaiseDelivered(ctx context.Context, u User, c Conv, device string, seq uint64) error
	// RaiseRead raises the user's mark. ErrNotFound when the user has no such membership.
	RaiseRead(ctx context.Context, u User, c Conv, seq uint64) error
	// RaisePushed raises the push mark. ErrNotFound when the user has no such membership.
	RaisePushed(ctx context.Context, u User, c Conv, seq uint64) error
	// SetPreferences changes the user's preferences and returns them as they are then. Repeatable. ErrNotFound when the user has no such
	// membership. They survive leaving and coming again.
	SetPreferences(ctx context.Context, u User, c Conv, ch PreferencesChange) (Preferences, error)
}

// Store is the whole of it.
type Store interface {
	Log
	Conversations
	Memberships
	Devices
	Revocations
	Mutes
	Deferrals
	Tenants
	Purges
	Walks
}
