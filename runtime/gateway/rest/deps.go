package rest

import (
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// ErrBadCursor is wrapped by an Inbox for a cursor that it never gave out.
var ErrBadCursor = errors.New("the cursor is not one of this inbox")

// Verify judges a token; package auth has the errors. They never hold the token.
type Verify func(ctx context.Context, token string) (auth.Principal, error)

// Store is what is read and written of the store.
type Store interface {
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
	Members(ctx context.Context, c store.Conv) ([]store.Member, error)
	MembersPage(ctx context.Context, c store.Conv, after string, limit int) ([]store.Member, error)
	Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error)
	PutDevice(ctx context.Context, u store.User, d store.Device) (store.Device, error)
	Devices(ctx context.Context, u store.User) ([]store.Device, error)
	RemoveDevice(ctx context.Context, u store.User, device string) error
}

// Mark is how far a user has come in a conversation.
type Mark struct{ Delivered, Read uint64 }

// Marks are all users'.
type Marks interface {
	// Mark raises a device's delivered mark or the user's read mark, has it stored and tells whom it concerns. It wraps
	// store.ErrNotFound for whoever never was a member.
	Mark(ctx context.Context, u store.User, c store.Conv, device string, m Mark) error
	// MemberMarks is how far each of users has come: exactly where that is short of seq, and at least seq elsewhere. Delivered is
	// the mark of the device that has come furthest. One that has just been given may be missing.
	MemberMarks(ctx context.Context, c store.Conv, users []store.User, seq uint64) ([]Mark, error)
}

// Chat is the chat service.
type Chat interface {
	// Send does not wait: done is called once, from any goroutine. s must not be used again.
	Send(s *chatpb.Send, done func(*chatpb.Result))
	Create(ctx context.Context, r *chatpb.CreateConversationRequest) (*chatpb.CreateConversationResponse, error)
}

// SignOut takes back what devices use.
type SignOut interface {
	// SignOutDevice refuses from now on what was issued to the device, and closes its connection.
	SignOutDevice(ctx context.Context, u store.User, device string) error
	// SignOutAll refuses everything that was issued to the user until now.
	SignOutAll(ctx context.Context, u store.User) error
}

// Presence is what a user may know of who is connected.
type Presence interface {
	// Presence tells of those of ids with whom the user has a direct conversation.
	Presence(ctx context.Context, u store.User, ids []string) ([]protocol.Presence, error)
}

// Routes is who is connected, as far as it is known.
type Routes interface {
	// Connections returns the user's, ordered by device.
	Connections(ctx context.Context, u store.User) ([]cache.Connection, error)
}

// InboxQuery says which page of an inbox is asked for.
type InboxQuery struct {
	Limit int
	// Cursor is the Next of the page before, empty for the first.
	Cursor string
	// Archived asks for the archived conversations instead of the others.
	Archived bool
}

// Inbox lists a user's conversations: the pinned first, then by last activity.
type Inbox interface {
	List(ctx context.Context, u store.User, q InboxQuery) (protocol.InboxPage, error)
	// SetPreferences changes what the user wants of a conversation, and returns it; inboxes show it. It wraps store.ErrNotFound for
	// whoever never was a member.
	SetPreferences(ctx context.Context, u store.User, c store.Conv, ch store.PreferencesChange) (store.Preferences, error)
}

// History pages through a conversation as its member may see it: the oldest entries with a greater seq than after, or the newest
// with a smaller one than before, or, with neither, the newest of all. The page is in order of seq. It wraps store.ErrNotFound for
// whoever never was a member.
type History interface {
	History(ctx context.Context, u store.User, c store.Conv, after, before *uint64, limit int) (protocol.HistoryPage, error)
}
