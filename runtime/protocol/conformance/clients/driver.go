package clients

import "context"

// Command is what a client is to do. Op says which fields count:
//
//   - start: connect to URL as Device. IdleMS is how long the server may say nothing, 0 the client's own default.
//   - open: show a conversation. older: show what is before what is shown of it.
//   - send, edit, delete, react: put a change into the outbox; its answer is told by Tag.
//   - read: the user has read up to Seq.
//   - typing: the user writes, or has stopped. watch: whose presence to tell.
//   - crash: lose everything but what is kept over restarts; start follows.
type Command struct {
	Op           string   `json:"op"`
	URL          string   `json:"url,omitempty"`
	Device       string   `json:"device,omitempty"`
	IdleMS       int      `json:"idle_ms,omitempty"`
	Conversation string   `json:"conversation,omitempty"`
	Tag          string   `json:"tag,omitempty"`
	Body         string   `json:"body,omitempty"`
	Target       uint64   `json:"target,omitempty"`
	Emoji        string   `json:"emoji,omitempty"`
	Removed      bool     `json:"removed,omitempty"`
	Seq          uint64   `json:"seq,omitempty"`
	Active       bool     `json:"active,omitempty"`
	Users        []string `json:"users,omitempty"`
}

// State is what a client shows and has come to know.
type State struct {
	Online bool `json:"online"`
	// Ended is the close code by which the client gave up, 0 while it has not.
	Ended int `json:"ended"`
	// Answers are those to commands, by tag.
	Answers map[string]Answer `json:"answers"`
	// Shown are the messages of each open conversation, as they stand on the screen.
	Shown map[string][]Message `json:"shown"`
	// Arrived are the seqs of others' messages, in the order in which the client told of them as new.
	Arrived map[string][]uint64 `json:"arrived"`
	// Typing is who writes, by conversation.
	Typing map[string][]string `json:"typing"`
	// Presence is who is connected, of those who are watched.
	Presence map[string]bool `json:"presence"`
}

// Answer is what became of a change: a seq, or the code of a refusal for good, with its hint where it has one.
type Answer struct {
	Seq          uint64 `json:"seq"`
	Code         string `json:"code"`
	RetryAfterMS int64  `json:"retry_after_ms"`
}

// Message is a message on the screen. Seq is 0 of one without an answer.
type Message struct {
	Seq     uint64 `json:"seq"`
	Body    string `json:"body"`
	Deleted bool   `json:"deleted"`
	// Reactions are an emoji and a user each, in order.
	Reactions []string `json:"reactions"`
}

// Driver runs one client. Its methods are called one at a time.
type Driver interface {
	// Do begins what the command says; what comes of it shows in State.
	Do(ctx context.Context, c Command) error
	State(ctx context.Context) (State, error)
	// Close ends the client.
	Close() error
}
