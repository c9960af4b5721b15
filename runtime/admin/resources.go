package admin

import (
	"encoding/json"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Users answers GET /admin/v1/users, by id.
type Users struct {
	Users []string `json:"users"`
	// Next is the cursor of the next page, empty on the last. So it is in every list.
	Next string `json:"next,omitempty"`
}

// User answers GET /admin/v1/users/{user}.
type User struct {
	ID      string   `json:"id"`
	Devices []Device `json:"devices"`
	// Conversations is in how many the user is, Left how many the user has left.
	Conversations int `json:"conversations"`
	Left          int `json:"left"`
	// MutedUntilMS is until when the user can send nothing, absent for who can.
	MutedUntilMS int64 `json:"muted_until_ms,omitempty"`
}

// Device is a device of a user's. The push token is not in it.
type Device struct {
	ID             string `json:"id"`
	Platform       string `json:"platform"`
	PushChannel    string `json:"push_channel,omitempty"`
	RegisteredAtMS int64  `json:"registered_at_ms"`
	Locale         string `json:"locale,omitempty"`
}

// Mute is the body of PUT /admin/v1/users/{user}/mute, and answers it with both.
type Mute struct {
	// ForSeconds is for how long from now on.
	ForSeconds int64 `json:"for_seconds,omitempty"`
	UntilMS    int64 `json:"until_ms,omitempty"`
}

// Conversations answers GET /admin/v1/conversations, by id. A page may be short, or empty, and be followed by another.
type Conversations struct {
	Conversations []Conversation `json:"conversations"`
	Next          string         `json:"next,omitempty"`
}

// Conversation is a conversation without what was said in it.
type Conversation struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Title string `json:"title,omitempty"`
	// Head is the last seq, Messages how many messages there were.
	Head     uint64 `json:"head"`
	Messages uint64 `json:"messages"`
	LastAtMS int64  `json:"last_at_ms"`
}

// Members answers GET /admin/v1/conversations/{id}/members: who is or was one, in a fixed order.
type Members struct {
	Members []Member `json:"members"`
	Next    string   `json:"next,omitempty"`
}

// Member is somebody's place in a conversation; Joined and Left are seqs.
type Member struct {
	User   string `json:"user"`
	Role   string `json:"role"`
	Joined uint64 `json:"joined"`
	Left   uint64 `json:"left,omitempty"`
}

// Reviews answers GET /admin/v1/reviews, those that were opened first first.
type Reviews struct {
	Reviews []Review `json:"reviews"`
	Next    string   `json:"next,omitempty"`
}

// Review is a message on which verdicts were given.
type Review struct {
	Conversation     string `json:"conversation"`
	ConversationKind string `json:"conversation_kind,omitempty"`
	Seq              uint64 `json:"seq"`
	// Author is absent where it is not known any more.
	Author     string `json:"author,omitempty"`
	State      string `json:"state"`
	OpenedAtMS int64  `json:"opened_at_ms"`
	// Action and Reason are of the verdict at VerdictSeq, Processor is who brought the message up.
	Action     string    `json:"action"`
	Processor  string    `json:"processor"`
	Reason     string    `json:"reason,omitempty"`
	VerdictSeq uint64    `json:"verdict_seq"`
	Decision   *Decision `json:"decision,omitempty"`
}

// Decision is who decided what is decided, by the entry with that seq.
type Decision struct {
	By   string `json:"by"`
	Seq  uint64 `json:"seq"`
	AtMS int64  `json:"at_ms"`
}

// Decided answers a decision, and a moderator's own verdict. The queue shows it a moment later.
type Decided struct {
	State string `json:"state"`
	// Seq is that of the entry that says so.
	Seq  uint64 `json:"seq"`
	AtMS int64  `json:"at_ms"`
}

// Messages answers GET /admin/v1/reviews/{id}/{seq}/messages, in order of seq. No verdict covers a body.
type Messages struct {
	Entries []protocol.Entry `json:"entries"`
}

// Verdict is the body of POST /admin/v1/conversations/{id}/messages/{seq}/verdict.
type Verdict struct {
	// Action is flag, mask or hide.
	Action string `json:"action"`
	// Reason is a word for why, which members see; it holds nothing of the message.
	Reason string `json:"reason,omitempty"`
	// Spans are what a mask covers, in runes of the body.
	Spans []Span `json:"spans,omitempty"`
	// Revision is that of the body that was judged; absent: the one that the message has.
	Revision *uint32 `json:"revision,omitempty"`
}

// Span is a part of a body: from rune Start, Length runes long.
type Span struct {
	Start  uint32 `json:"start"`
	Length uint32 `json:"length"`
}

// Figures answer GET /admin/v1/stats.
type Figures struct {
	// Steps are those in which anything happened, in order.
	Steps []Step `json:"steps"`
	// Total is the whole range: who was active in several steps counts once.
	Total Counts `json:"total"`
}

// Step is a minute, an hour or a day.
type Step struct {
	StartMS int64 `json:"start_ms"`
	Counts
}

// Counts are what is known of a stretch of time. Active users and conversations are estimates, Deliveries those whose time was measured.
type Counts struct {
	Messages             int64 `json:"messages"`
	Edits                int64 `json:"edits"`
	Deletions            int64 `json:"deletions"`
	Reactions            int64 `json:"reactions"`
	ConversationsStarted int64 `json:"conversations_started"`
	Flagged              int64 `json:"flagged"`
	Masked               int64 `json:"masked"`
	Hidden               int64 `json:"hidden"`
	Reverted             int64 `json:"reverted"`
	Reads                int64 `json:"reads"`
	ActiveUsers          int64 `json:"active_users"`
	ActiveConversations  int64 `json:"active_conversations"`
	// How long messages waited to be read: half of them, 90 % and 99 % no longer than that; 0 where none was read.
	ReadP50MS int64 `json:"read_p50_ms"`
	ReadP90MS int64 `json:"read_p90_ms"`
	ReadP99MS int64 `json:"read_p99_ms"`
	// How long it took from a message's commit until a connected device had it; of a sample, 0 where there is none.
	Deliveries    int64 `json:"deliveries"`
	DeliveryP50MS int64 `json:"delivery_p50_ms"`
	DeliveryP90MS int64 `json:"delivery_p90_ms"`
	DeliveryP99MS int64 `json:"delivery_p99_ms"`
	// Pushes are how often platforms answered in which way.
	Pushes []Pushes `json:"pushes,omitempty"`
}

// Pushes are how often a platform answered pushes in one way.
type Pushes struct {
	Channel string `json:"channel"`
	Outcome string `json:"outcome"`
	Count   int64  `json:"count"`
}

// Settings answer GET /admin/v1/settings: the tenant's record. What is absent is the cluster's.
type Settings struct {
	Tenant            string              `json:"tenant"`
	State             string              `json:"state"`
	Issuer            string              `json:"issuer,omitempty"`
	Audience          string              `json:"audience,omitempty"`
	MaxConnections    int                 `json:"max_connections,omitempty"`
	MessagesPerSecond int                 `json:"messages_per_second,omitempty"`
	RetentionSeconds  int64               `json:"retention_seconds,omitempty"`
	Detectors         map[string]Detector `json:"detectors"`
}

// Detector is what the tenant wants done about what a detector finds.
type Detector struct {
	Mode      string `json:"mode"`
	Threshold int    `json:"threshold,omitempty"`
}

// AuditPage answers GET /admin/v1/audit, in the order of the chain. Users are pseudonyms.
type AuditPage struct {
	Entries []audit.Entry `json:"entries"`
	// Head is the chain's last place.
	Head int64 `json:"head"`
	// Next is the after of the next page, absent on the last.
	Next int64 `json:"next,omitempty"`
	// Pseudonym is the user's who was asked for.
	Pseudonym string `json:"pseudonym,omitempty"`
}

// Erasure answers POST and GET of /admin/v1/users/{user}/erasure.
type Erasure struct {
	ID   string `json:"id"`
	Done bool   `json:"done"`
	// Report is what is gone so far, and when that is final.
	Report json.RawMessage `json:"report"`
}

// HoldList answers GET /admin/v1/holds.
type HoldList struct {
	Holds []Hold `json:"holds"`
}

// Hold is a legal hold. Name, By and AtMS are not in the body of PUT /admin/v1/holds/{name}.
type Hold struct {
	Name string `json:"name,omitempty"`
	// User is whom it covers; absent: all of the tenant.
	User   string `json:"user,omitempty"`
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"`
	AtMS   int64  `json:"at_ms,omitempty"`
}
