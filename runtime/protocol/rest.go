package protocol

// ProblemType is the base of a problem's type URI (RFC 9457); the code follows it.
const ProblemType = "https://chatcluster.io/problems/"

// Problem is an RFC 9457 problem, the body of every REST error (application/problem+json).
type Problem struct {
	Type         string `json:"type"`
	Title        string `json:"title"`
	Status       int    `json:"status"`
	Detail       string `json:"detail,omitempty"`
	Code         Code   `json:"code"`
	RetryAfterMS uint32 `json:"retry_after_ms,omitempty"`
}

// ProblemOf returns the problem of a code.
func ProblemOf(code Code, detail string) Problem {
	return Problem{Type: ProblemType + string(code), Title: code.Title(), Status: code.Status(), Detail: detail, Code: code}
}

// CreateConversation is the body of POST /v1/conversations.
type CreateConversation struct {
	// Kind is direct or group.
	Kind string `json:"kind"`
	// User is the other user of a direct conversation.
	User string `json:"user,omitempty"`
	// Title and Members are a group's; the creator is its owner and need not be among the members.
	Title   string   `json:"title,omitempty"`
	Members []string `json:"members,omitempty"`
}

// Conversation answers POST /v1/conversations.
type Conversation struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Title string `json:"title,omitempty"`
	// Created is false when it existed already.
	Created bool `json:"created"`
}

// ConversationDetails answers GET /v1/conversations/{id}.
type ConversationDetails struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// Title, Role, Peer and Members are as of now, absent for who has left.
	Title string `json:"title,omitempty"`
	// Role is the user's own: owner, admin or member.
	Role string `json:"role,omitempty"`
	// Peer is the other user of a direct conversation.
	Peer string `json:"peer,omitempty"`
	// Members is how many there are.
	Members int `json:"members,omitempty"`
	// Joined and Left are the seqs of the entries by which the user came and went; Left is absent while the user is a member.
	Joined uint64 `json:"joined"`
	Left   uint64 `json:"left,omitempty"`
	// Head is the last seq that the user may see.
	Head        uint64                  `json:"head"`
	Preferences ConversationPreferences `json:"preferences"`
}

// RenameConversation is the body of PATCH /v1/conversations/{id}.
type RenameConversation struct {
	Title string `json:"title"`
}

// MembersPage answers GET /v1/conversations/{id}/members, in a fixed order.
type MembersPage struct {
	Members []MemberDetails `json:"members"`
	// Next is the cursor of the next page, empty on the last.
	Next string `json:"next,omitempty"`
}

// MemberDetails is a member of a conversation.
type MemberDetails struct {
	User string `json:"user"`
	Role string `json:"role"`
	// Joined is the seq of the entry by which the user came.
	Joined uint64 `json:"joined"`
}

// AddMembers is the body of POST /v1/conversations/{id}/members.
type AddMembers struct {
	Users []string `json:"users"`
	// Role is owner, admin or member; empty means member.
	Role string `json:"role,omitempty"`
}

// ChangeRole is the body of PATCH /v1/conversations/{id}/members/{user}.
type ChangeRole struct {
	Role string `json:"role"`
}

// SendMessage is the body of POST /v1/conversations/{id}/messages.
type SendMessage struct {
	Body string `json:"body"`
	// AfterSeq is the seq of the conversation that the client knew when it composed the message.
	AfterSeq *uint64 `json:"after_seq,omitempty"`
}

// EditMessage is the body of PATCH /v1/conversations/{id}/messages/{seq}.
type EditMessage struct {
	Body string `json:"body"`
}

// Appended answers whatever appends an entry.
type Appended struct {
	// Seq is the entry's. Of a change of something that was so already it is that of the last entry.
	Seq  uint64 `json:"seq"`
	AtMS int64  `json:"at_ms"`
}

// MarkConversation is the body of POST /v1/conversations/{id}/read and /v1/conversations/{id}/delivered: everything up to and
// including Seq. Answered with the mark as it is taken: no further than the head.
type MarkConversation struct {
	Seq uint64 `json:"seq"`
	// Device is whose mark a delivered mark is.
	Device string `json:"device,omitempty"`
}

// Receipts answers GET /v1/conversations/{id}/messages/{seq}/receipts: for each member but the sender whether the message has come
// to a device of theirs and whether they have read it, in the order of the members.
type Receipts struct {
	Receipts []Receipt `json:"receipts"`
	// Next is the cursor of the next page, empty on the last.
	Next string `json:"next,omitempty"`
}

// Receipt says how far a message has come with a member.
type Receipt struct {
	User      string `json:"user"`
	Delivered bool   `json:"delivered"`
	Read      bool   `json:"read"`
}

// Devices answers GET /v1/devices.
type Devices struct {
	Devices []DeviceDetails `json:"devices"`
}

// DeviceDetails is a device as its user sees it. The push token is not in it.
type DeviceDetails struct {
	ID             string            `json:"id"`
	Platform       string            `json:"platform"`
	PushChannel    string            `json:"push_channel,omitempty"`
	RegisteredAtMS int64             `json:"registered_at_ms"`
	Locale         string            `json:"locale,omitempty"`
	Preferences    DevicePreferences `json:"preferences"`
}

// Sessions answers GET /v1/sessions: the user's connections.
type Sessions struct {
	Sessions []Session `json:"sessions"`
}

// Session is a connection of a device.
type Session struct {
	Device string `json:"device"`
	// ConnectedAtMS is since when.
	ConnectedAtMS int64 `json:"connected_at_ms"`
}

// PresenceList answers GET /v1/presence, in the order that was asked for.
type PresenceList struct {
	Presence []Presence `json:"presence"`
}

// HistoryPage answers GET /v1/conversations/{id}/messages. Entries are in order of seq.
type HistoryPage struct {
	Entries []Entry `json:"entries"`
	// More says that there is more in the direction that was asked for.
	More bool `json:"more"`
}

// InboxPage answers GET /v1/inbox: conversations by last activity, the latest first.
type InboxPage struct {
	Items []InboxItem `json:"items"`
	// Next is the cursor of the next page, empty on the last.
	Next string `json:"next,omitempty"`
}

// InboxItem is a conversation in a user's inbox.
type InboxItem struct {
	Conversation string `json:"conversation"`
	Kind         string `json:"kind"`
	Title        string `json:"title,omitempty"`
	// Peer is the other user of a direct conversation.
	Peer string `json:"peer,omitempty"`
	// Unread is how many messages of others lie after the user's read mark, or after what they said last.
	Unread uint64 `json:"unread"`
	// Read is the user's read mark.
	Read uint64 `json:"read"`
	// Head is the conversation's last seq.
	Head        uint64 `json:"head"`
	LastAtMS    int64  `json:"last_at_ms"`
	LastSender  string `json:"last_sender,omitempty"`
	LastPreview string `json:"last_preview,omitempty"`
	// MutedUntilMS is until when no push is wanted, in Unix milliseconds; 0 means not muted.
	MutedUntilMS int64 `json:"muted_until_ms,omitempty"`
	Archived     bool  `json:"archived,omitempty"`
	Pinned       bool  `json:"pinned,omitempty"`
}

// ConversationPreferences is the body of PATCH /v1/conversations/{id}/preferences: the user's own, on all devices. What is left
// out stays as it is.
type ConversationPreferences struct {
	// MutedUntilMS in Unix milliseconds; 0 unmutes.
	MutedUntilMS *int64 `json:"muted_until_ms,omitempty"`
	Archived     *bool  `json:"archived,omitempty"`
	Pinned       *bool  `json:"pinned,omitempty"`
}

// Platforms are the kinds of device there are.
var Platforms = []string{"ios", "android", "amazon", "web", "cli"}

// Device is the body of PUT /v1/devices/{device}. The push token is a secret: it is never returned.
type Device struct {
	// Platform is ios, android, amazon, web or cli.
	Platform string `json:"platform"`
	// PushChannel is APNS, APNS_SANDBOX, GCM or ADM, empty for no pushes.
	PushChannel string `json:"push_channel,omitempty"`
	PushToken   string `json:"push_token,omitempty"`
	// Locale is the language of the device's pushes, a BCP 47 tag; empty: as it was.
	Locale      string             `json:"locale,omitempty"`
	Preferences *DevicePreferences `json:"preferences,omitempty"`
}

// DevicePreferences say which pushes a device wants.
type DevicePreferences struct {
	// Private pushes hold no content, sender or title: only that something came.
	Private bool `json:"private,omitempty"`
	// DoNotDisturb, if set, holds pushes back between two times of day.
	DoNotDisturb *DoNotDisturb `json:"do_not_disturb,omitempty"`
}

// DoNotDisturb is a part of each day in which a device wants no pushes; what came meanwhile is pushed, coalesced, at its end.
type DoNotDisturb struct {
	// From and To are times of day, "22:00"; From may be after To.
	From string `json:"from"`
	To   string `json:"to"`
	// TimeZone is an IANA name.
	TimeZone string `json:"time_zone"`
}
