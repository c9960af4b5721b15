package protocol

import "github.com/chatcluster/chatcluster/runtime/logpb"

// Kinds of entry.
const (
	KindMessage        = "message"
	KindMembersAdded   = "members_added"
	KindMembersRemoved = "members_removed"
	KindRenamed        = "renamed"
	// KindUnknown is an entry that is newer than this server: clients show nothing but count its seq.
	KindUnknown = "unknown"
)

// Entry is a log entry as clients see it, on the socket and on REST.
type Entry struct {
	Seq         uint64 `json:"seq"`
	Sender      string `json:"sender"`
	Device      string `json:"device,omitempty"`
	ClientMsgID string `json:"client_msg_id,omitempty"`
	AtMS        int64  `json:"at_ms"`
	// Count is the running count of countable messages: unread is the difference of two.
	Count uint64 `json:"count"`
	Kind  string `json:"kind"`

	// Body of a message.
	Body string `json:"body,omitempty"`
	// Members of members_added.
	Members []Member `json:"members,omitempty"`
	// Users of members_removed.
	Users []string `json:"users,omitempty"`
	// Title of renamed.
	Title string `json:"title,omitempty"`
}

// Member is a user with a role.
type Member struct {
	User string `json:"user"`
	Role string `json:"role"`
}

// EntryOf returns e as clients see it.
func EntryOf(e *logpb.Entry) Entry {
	out := Entry{
		Seq: e.GetSeq(), Sender: e.GetSender(), Device: e.GetDevice(), ClientMsgID: e.GetClientMsgId(),
		AtMS: e.GetAtMs(), Count: e.GetCount(), Kind: KindUnknown,
	}
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Message:
		out.Kind, out.Body = KindMessage, k.Message.GetBody()
	case *logpb.Entry_MembersAdded:
		out.Kind = KindMembersAdded
		for _, m := range k.MembersAdded.GetMembers() {
			out.Members = append(out.Members, Member{User: m.GetUser(), Role: m.GetRole()})
		}
	case *logpb.Entry_MembersRemoved:
		out.Kind, out.Users = KindMembersRemoved, k.MembersRemoved.GetUsers()
	case *logpb.Entry_Renamed:
		out.Kind, out.Title = KindRenamed, k.Renamed.GetTitle()
	}
	return out
}

// EntriesOf returns entries as clients see them.
func EntriesOf(entries []*logpb.Entry) []Entry {
	out := make([]Entry, len(entries))
	for i, e := range entries {
		out[i] = EntryOf(e)
	}
	return out
}
