package erase

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Phases, as the report names them.
const (
	PhaseRevoking      = "revoking tokens"
	PhaseProjecting    = "waiting for the projector"
	PhaseConversations = "conversations"
	PhaseDevices       = "devices and places"
	PhaseDone          = "done"
)

// Report is what an erasure has removed, and when that is final.
type Report struct {
	ID     string       `json:"id"`
	Tenant store.Tenant `json:"tenant"`
	User   string       `json:"user"`
	Phase  string       `json:"phase"`
	// BegunAt and FinishedAt are UTC; FinishedAt is zero until it is done.
	BegunAt    time.Time `json:"begun_at"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	Counts
	// Devices were registered, Tokens of them could be pushed to.
	Devices int `json:"devices"`
	Tokens  int `json:"push_tokens"`
	// Pseudonym says that the audit log cannot tell any more which pseudonym was the user's.
	Pseudonym bool `json:"pseudonym_forgotten"`
	// Final says when no copy is left.
	Final Final `json:"final,omitzero"`
	// Remains is what stays for good.
	Remains []string `json:"remains,omitempty"`
}

// Counts are of what is gone from the logs, in the store and the read model alike.
type Counts struct {
	Conversations int `json:"conversations"`
	// Left is how many of them the user was still in.
	Left      int `json:"left"`
	Messages  int `json:"messages"`
	Edits     int `json:"edits"`
	Reactions int `json:"reactions"`
}

// raise takes the higher ones: what was counted before it was deleted stays counted.
func (c *Counts) raise(n Counts) {
	c.Conversations, c.Left = max(c.Conversations, n.Conversations), max(c.Left, n.Left)
	c.Messages, c.Edits, c.Reactions = max(c.Messages, n.Messages), max(c.Edits, n.Edits), max(c.Reactions, n.Reactions)
}

func (c *Counts) add(n Counts) {
	c.Conversations += n.Conversations
	c.Left += n.Left
	c.Messages += n.Messages
	c.Edits += n.Edits
	c.Reactions += n.Reactions
}

// Copies says for how long copies outlive what they are of. Zero is not known.
type Copies struct {
	// Topics is the longest retention of Kafka's topics, Forever when one has none.
	Topics time.Duration
	// Hot is how long entries stay in DynamoDB, PointInTime how far back its tables can be restored.
	Hot, PointInTime time.Duration
	// Backups is how long Aurora's backups are kept.
	Backups time.Duration
}

// Forever is a copy that does not end.
const Forever = time.Duration(1<<63 - 1)

// Final is until when copies are left.
type Final struct {
	// At is when the last copy that is known of is gone; zero while one has no end.
	At time.Time `json:"at,omitzero"`
	// Topics, Hot, PointInTime and Backups are when each of them is; zero when that is not known.
	Topics      time.Time `json:"topics,omitzero"`
	Hot         time.Time `json:"hot_store,omitzero"`
	PointInTime time.Time `json:"point_in_time_copies,omitzero"`
	Backups     time.Time `json:"database_backups,omitzero"`
	// Check is what a person has to look at, since nothing here knows.
	Check []string `json:"check,omitempty"`
}

// final works out when what was erased at that time is gone everywhere.
func (c Copies) final(at time.Time) Final {
	f := Final{At: at}
	endless := false
	until := func(d time.Duration, t *time.Time, unknown string) {
		switch d {
		case 0:
			f.Check = append(f.Check, unknown)
		case Forever:
			endless = true
			f.Check = append(f.Check, "a topic of Kafka has no retention: what was published stays in it until it has one")
		default:
			*t = at.Add(d).UTC().Truncate(time.Second)
			if t.After(f.At) {
				f.At = *t
			}
		}
	}
	until(c.Topics, &f.Topics, "the retention of Kafka's topics")
	until(c.Hot, &f.Hot, "the hot retention of DynamoDB")
	until(c.PointInTime, &f.PointInTime, "how far back DynamoDB's tables can be restored: at most 35 days, and on-demand backups besides")
	until(c.Backups, &f.Backups, "the retention of Aurora's backups and snapshots: BackupRetentionPeriod of the database cluster, and manual snapshots")
	if endless {
		f.At = time.Time{}
	}
	return f
}

// remains is what an erasure leaves for good.
var remains = []string{
	"the user's id where it is part of a log's order: who joined, left, and caused entries whose content is gone",
	"titles that the user gave to groups",
	"notifications that were delivered, on other people's devices",
}
