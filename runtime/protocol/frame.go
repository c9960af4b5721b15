package protocol

// Types of the frames that clients send.
const (
	TypeHello     = "hello"
	TypeSend      = "send"
	TypeDelivered = "delivered"
	TypeRead      = "read"
	TypePing      = "ping"
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

	// send, delivered, read.
	Conversation string `json:"conversation,omitempty"`

	// send.
	ClientMsgID string `json:"client_msg_id,omitempty"`
	// AfterSeq is the seq of the conversation that the client knew when it composed the message.
	AfterSeq *uint64 `json:"after_seq,omitempty"`
	Body     string  `json:"body,omitempty"`

	// delivered, read: cumulative, everything up to and including Seq.
	Seq uint64 `json:"seq,omitempty"`
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

	// ack, entries, gap, receipt, and errors of a conversation.
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

	// receipt: User has read up to and including Read.
	Read uint64 `json:"read,omitempty"`

	// error.
	Code         Code   `json:"code,omitempty"`
	Detail       string `json:"detail,omitempty"`
	RetryAfterMS uint32 `json:"retry_after_ms,omitempty"`

	// drain: when to come back, jittered for each client.
	ReconnectAfterMS uint32 `json:"reconnect_after_ms,omitempty"`
}
