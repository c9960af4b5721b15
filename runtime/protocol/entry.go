package protocol

import "github.com/chatcluster/chatcluster/runtime/logpb"

// Kinds of entry.
const (
	KindMessage        = "message"
	KindMembersAdded   = "members_added"
	KindMembersRemoved = "members_removed"
	KindRenamed        = "renamed"
	KindEdited         = "edited"
	KindDeleted        = "deleted"
	KindReacted        = "reacted"
	KindRoleChanged    = "role_changed"
	KindVerdict        = "verdict"
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

	// Body of a message or of edited.
	Body string `json:"body,omitempty"`
	// Revision, EditedAtMS, Deleted, Reactions and Verdict are what later entries did to a message, as far as the server has
	// folded it in. Folded is the seq of the last that did: of those that are about the message clients apply the ones with a
	// greater seq, in order, and no other.
	Revision   uint32     `json:"revision,omitempty"`
	Folded     uint64     `json:"folded,omitempty"`
	EditedAtMS int64      `json:"edited_at_ms,omitempty"`
	Deleted    bool       `json:"deleted,omitempty"`
	Reactions  []Reaction `json:"reactions,omitempty"`
	// Verdict of a message or of verdict.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Elided says that reactions and an edited body are not in here: the history has them.
	Elided bool `json:"elided,omitempty"`
	// Redacted of edited says that its body is gone, by a later edit, a deletion or a verdict: keep the body that you have.
	Redacted bool `json:"redacted,omitempty"`

	// Target of edited, deleted, reacted and verdict: the message's seq.
	Target uint64 `json:"target,omitempty"`
	// Emoji and Removed of reacted.
	Emoji   string `json:"emoji,omitempty"`
	Removed bool   `json:"removed,omitempty"`

	// Members of members_added, and the one of role_changed.
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

// Reaction is an emoji and who gave it.
type Reaction struct {
	Emoji string   `json:"emoji"`
	Users []string `json:"users"`
}

// Verdict is what moderation says of a message. With action mask the spans of the body are masked already; with hide the body
// is empty.
type Verdict struct {
	// Action is flag, mask, hide, or none for a verdict that was reverted.
	Action    string `json:"action"`
	Processor string `json:"processor,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// EntryOf returns e as clients see it.
func EntryOf(e *logpb.Entry) Entry {
	out := Entry{
		Seq: e.GetSeq(), Sender: e.GetSender(), Device: e.GetDevice(), ClientMsgID: e.GetClientMsgId(),
		AtMS: e.GetAtMs(), Count: e.GetCount(), Kind: KindUnknown,
	}
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Message:
		out.Kind = KindMessage
		out.showMessage(k.Message)
	case *logpb.Entry_MembersAdded:
		out.Kind = KindMembersAdded
		for _, m := range k.MembersAdded.GetMembers() {
			out.Members = append(out.Members, Member{User: m.GetUser(), Role: m.GetRole()})
		}
	case *logpb.Entry_MembersRemoved:
		out.Kind, out.Users = KindMembersRemoved, k.MembersRemoved.GetUsers()
	case *logpb.Entry_Renamed:
		out.Kind, out.Title = KindRenamed, k.Renamed.GetTitle()
	case *logpb.Entry_Edited:
		out.Kind, out.Target, out.Body, out.Redacted = KindEdited, k.Edited.GetTarget(), k.Edited.GetBody(), k.Edited.GetRedacted()
	case *logpb.Entry_Deleted:
		out.Kind, out.Target = KindDeleted, k.Deleted.GetTarget()
	case *logpb.Entry_Reacted:
		out.Kind, out.Target, out.Emoji, out.Removed = KindReacted, k.Reacted.GetTarget(), k.Reacted.GetEmoji(), k.Reacted.GetRemoved()
	case *logpb.Entry_RoleChanged:
		out.Kind = KindRoleChanged
		out.Members = []Member{{User: k.RoleChanged.GetUser(), Role: k.RoleChanged.GetRole()}}
	case *logpb.Entry_Verdict:
		out.Kind, out.Target, out.Verdict = KindVerdict, k.Verdict.GetTarget(), verdictOf(k.Verdict)
		if k.Verdict.GetProcessor() == ProcessorModerator {
			// Members see that a moderator acted. Who it was, moderators and the audit log know.
			out.Sender, out.ClientMsgID = ProcessorModerator, ""
		}
	}
	return out
}

// showMessage shows a message with what was folded into it.
func (out *Entry) showMessage(m *logpb.Message) {
	out.Revision, out.EditedAtMS, out.Deleted, out.Elided = m.GetRevision(), m.GetEditedAtMs(), m.GetDeleted(), m.GetElided()
	out.Folded, out.Body = m.GetFolded(), m.GetBody()
	if v := m.GetVerdict(); v != nil {
		out.Verdict = verdictOf(v)
		out.Body = Moderated(m.GetBody(), v)
	}
	at := map[string]int{}
	for _, r := range m.GetReactions() {
		i, ok := at[r.GetEmoji()]
		if !ok {
			i = len(out.Reactions)
			at[r.GetEmoji()] = i
			out.Reactions = append(out.Reactions, Reaction{Emoji: r.GetEmoji()})
		}
		out.Reactions[i].Users = append(out.Reactions[i].Users, r.GetUser())
	}
}

func verdictOf(v *logpb.Verdict) *Verdict {
	return &Verdict{Action: v.GetAction(), Processor: v.GetProcessor(), Reason: v.GetReason()}
}

// Actions of a verdict.
const (
	ActionFlag = "flag"
	ActionMask = "mask"
	ActionHide = "hide"
	// ActionNone reverts the verdict before it.
	ActionNone = "none"
)

// Bounds of a verdict.
const (
	MaxProcessorBytes = 64
	MaxReasonBytes    = 256
	MaxSpans          = 256
)

// Who judges when people do. No processor may be called so: what it said would be taken for a person's word.
const (
	// ProcessorModerator is the processor of a moderator's verdict; its entry's sender is the moderator in the log, and this to members.
	ProcessorModerator = "chatcluster.io/moderator"
	// PlatformModerator is the sender where the moderator is the platform's and no user of the tenant.
	PlatformModerator = "chatcluster.io/platform"
)

// Moderated returns a body as members may see it under the verdict: masked spans are asterisks, one a rune, and what is hidden
// is empty.
func Moderated(body string, v *logpb.Verdict) string {
	switch v.GetAction() {
	case ActionHide:
		return ""
	case ActionMask:
		runes := []rune(body)
		for _, s := range v.GetSpans() {
			from := min(uint64(s.GetStart()), uint64(len(runes)))
			to := min(from+uint64(s.GetLength()), uint64(len(runes)))
			for i := from; i < to; i++ {
				runes[i] = '*'
			}
		}
		return string(runes)
	default:
		return body
	}
}

// EntriesOf returns entries as clients see them.
func EntriesOf(entries []*logpb.Entry) []Entry {
	out := make([]Entry, len(entries))
	for i, e := range entries {
		out[i] = EntryOf(e)
	}
	return out
}
