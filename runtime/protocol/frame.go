package protocol

// Types of the frames that clients send.
const (
	TypeHello     = "hello"
	TypeSend      = "send"
	TypeEdit      = "edit"
	TypeDelete    = "delete"
	TypeReact     = "react"
	TypeDelivered = "delivered"
	TypeRead      = "read"
	TypePing      = "ping"
)

// Types of the frames that both send.
const (
	// TypeTyping says that somebody writes in a conversation.
	TypeTyping = "typing"
	// TypePresence watches users, or tells of them.
	TypePresence = "presence"
	// TypeHistory asks for a page of a conversation, or is one.
	TypeHistory = "history"
	// TypeToken brings a new token, or says until when the new one holds. From the server without being asked it says that
	// the token is about to expire.
	TypeToken = "token"
)

// Types of the frames that servers send.
const (
	TypeWelcome = "welcome"
	TypeAck     = "ack"
	TypeEntries = "entries"
	TypeGap     = "gap"
	TypeReceipt = "receipt"
	TypeError   = "error"
	TypeDrain   = "drain"
	TypePong    = "pong"
)

// ClientFrame is any frame that a client sends; Type says which fields count.
type ClientFrame struct {
	Type string `json:"type"`

	// hello. The first frame. Token is left out when the request's Authorization header had it.
	Token    string `json:"token,omitempty"`
	Device   string `json:"device,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Locale is the language of the device's pushes, a BCP 47 tag; empty: as it was.
	Locale string `json:"locale,omitempty"`

	// send, edit, delete, react, delivered, read, typing, history.
	Conversation string `json:"conversation,omitempty"`

	// send, edit, delete, react.
	ClientMsgID string `json:"client_msg_id,omitempty"`
	// AfterSeq is the seq of the conversation that the client knew when it composed the message.
	AfterSeq *uint64 `json:"after_seq,omitempty"`
	Body     string  `json:"body,omitempty"`

	// edit, delete, react: the seq of the message to change.
	Target uint64 `json:"target,omitempty"`
	// react.
	Emoji   string `json:"emoji,omitempty"`
	Removed bool   `json:"removed,omitempty"`

	// delivered, read: cumulative, everything up to and including Seq.
	Seq uint64 `json:"seq,omitempty"`

	// typing.
	Active bool `json:"active,omitempty"`

	// presence: the users to watch from now on, replacing those before.
	Users []string `json:"users,omitempty"`

	// history: Ref comes back with the page; After and Before exclude each other.
	Ref    string  `json:"ref,omitempty"`
	After  *uint64 `json:"after,omitempty"`
	Before *uint64 `json:"before,omitempty"`
	Limit  int     `json:"limit,omitempty"`
}

// ServerFrame is any frame that a server sends; Type says which fields count.
type ServerFrame struct {
	Type string `json:"type"`

	// welcome.
	User          string `json:"user,omitempty"`
	Device        string `json:"device,omitempty"`
	ServerTimeMS  int64  `json:"server_time_ms,omitempty"`
	MaxBodyBytes  int    `json:"max_body_bytes,omitempty"`
	MaxFrameBytes int    `json:"max_frame_bytes,omitempty"`

	// ack, entries, gap, receipt, typing, history, and errors of a conversation.
	Conversation string `json:"conversation,omitempty"`

	// ack, and errors of a send.
	ClientMsgID string `json:"client_msg_id,omitempty"`
	Seq         uint64 `json:"seq,omitempty"`
	AtMS        int64  `json:"at_ms,omitempty"`

	// entries: consecutive seqs.
	Entries []Entry `json:"entries,omitempty"`

	// gap: the client pages the history from From to To, both included.
	From uint64 `json:"from,omitempty"`
	To   uint64 `json:"to,omitempty"`

	// receipt: User has read up to and including Read, and a device of theirs has everything up to and including Delivered.
	Read      uint64 `json:"read,omitempty"`
	Delivered uint64 `json:"delivered,omitempty"`

	// typing: User writes, or has stopped.
	Active bool `json:"active,omitempty"`

	// presence.
	Presence []Presence `json:"presence,omitempty"`

	// history, and errors of it.
	Ref  string `json:"ref,omitempty"`
	More bool   `json:"more,omitempty"`

	// welcome, token: when the token expires; the connection is closed then unless a new one has come.
	ExpiresAtMS int64 `json:"expires_at_ms,omitempty"`

	// error.
	Code         Code   `json:"code,omitempty"`
	Detail       string `json:"detail,omitempty"`
	RetryAfterMS uint32 `json:"retry_after_ms,omitempty"`

	// drain: when to come back, jittered for each client.
	ReconnectAfterMS uint32 `json:"reconnect_after_ms,omitempty"`
}

// Presence is whether a user is connected.
type Presence struct {
	User   string `json:"user"`
	Online bool   `json:"online"`
	// LastSeenMS is when the user was last connected, absent while online and when it is not known.
	LastSeenMS int64 `json:"last_seen_ms,omitempty"`
}
