package protocol_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func TestCodesTellClientsWhatToDo(t *testing.T) {
	cases := map[protocol.Code]struct {
		reason string
		status int
		retry  bool
	}{
		protocol.CodeBadFrame:        {"the client's own fault", http.StatusBadRequest, false},
		protocol.CodeUnknownType:     {"the client is newer", http.StatusBadRequest, false},
		protocol.CodeInvalid:         {"the client's own fault", http.StatusBadRequest, false},
		protocol.CodeTooLarge:        {"a shorter body might pass, the same never", http.StatusRequestEntityTooLarge, false},
		protocol.CodeUnauthenticated: {"a new token is needed", http.StatusUnauthorized, false},
		protocol.CodeTokenExpired:    {"a new token is needed", http.StatusUnauthorized, false},
		protocol.CodeNotMember:       {"must look like absence", http.StatusNotFound, false},
		protocol.CodeNotFound:        {"absent", http.StatusNotFound, false},
		protocol.CodeForbidden:       {"a role does not change by asking again", http.StatusForbidden, false},
		protocol.CodeTooOld:          {"it never gets younger", http.StatusConflict, false},
		protocol.CodeTooManyDevices:  {"one must be signed out first", http.StatusConflict, false},
		protocol.CodeKeyReused:       {"another key is needed", http.StatusUnprocessableEntity, false},
		protocol.CodeRateLimited:     {"later it passes", http.StatusTooManyRequests, true},
		protocol.CodeBusy:            {"nothing was done", http.StatusServiceUnavailable, true},
		protocol.CodeUnavailable:     {"idempotent, so again", http.StatusServiceUnavailable, true},
		protocol.CodeRetryTooOld:     {"the client must look first", http.StatusConflict, false},
		protocol.CodeInternal:        {"no promise", http.StatusInternalServerError, false},
	}
	for code, tc := range cases {
		if got := code.Status(); got != tc.status {
			t.Errorf("%s (%s): status = %d, want %d", code, tc.reason, got, tc.status)
		}
		if got := code.Retryable(); got != tc.retry {
			t.Errorf("%s (%s): retryable = %t, want %t", code, tc.reason, got, tc.retry)
		}
		if code != protocol.CodeInternal && code.Title() == protocol.CodeInternal.Title() {
			t.Errorf("%s has no title of its own", code)
		}
	}
}

func TestCloseCodesSayWhetherToReconnect(t *testing.T) {
	cases := map[protocol.CloseCode]bool{
		1006:                              true, // a lost connection
		protocol.CloseDrain:               true,
		protocol.CloseSlow:                true,
		protocol.CloseInternal:            true,
		protocol.CloseIdle:                true,
		protocol.CloseFull:                true,
		protocol.CloseTokenExpired:        true,
		protocol.CloseUnauthenticated:     false,
		protocol.CloseReplaced:            false,
		protocol.CloseProtocol:            false,
		protocol.CloseFrameTooLarge:       false,
		protocol.CloseRevoked:             false,
		protocol.CloseTooManyDevices:      false,
		protocol.CloseFrameTooLarge + 400: false,
	}
	for code, want := range cases {
		if got := code.Reconnect(); got != want {
			t.Errorf("close code %d: reconnect = %t, want %t", code, got, want)
		}
	}
}

func TestEntryOfShowsEveryKind(t *testing.T) {
	base := func() *logpb.Entry {
		return &logpb.Entry{Seq: 7, Sender: "alice", Device: "d1", ClientMsgId: "m1", AtMs: 42, Count: 3}
	}
	want := func(change func(*protocol.Entry)) protocol.Entry {
		e := protocol.Entry{Seq: 7, Sender: "alice", Device: "d1", ClientMsgID: "m1", AtMS: 42, Count: 3}
		change(&e)
		return e
	}
	cases := map[string]struct {
		set  func(*logpb.Entry)
		want protocol.Entry
	}{
		"Message": {
			set:  func(e *logpb.Entry) { e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: "hi"}} },
			want: want(func(e *protocol.Entry) { e.Kind, e.Body = protocol.KindMessage, "hi" }),
		},
		"MembersAdded": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{Members: []*logpb.Member{{User: "bob", Role: "member"}}}}
			},
			want: want(func(e *protocol.Entry) {
				e.Kind, e.Members = protocol.KindMembersAdded, []protocol.Member{{User: "bob", Role: "member"}}
			}),
		},
		"MembersRemoved": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{"bob"}}}
			},
			want: want(func(e *protocol.Entry) { e.Kind, e.Users = protocol.KindMembersRemoved, []string{"bob"} }),
		},
		"Renamed": {
			set:  func(e *logpb.Entry) { e.Kind = &logpb.Entry_Renamed{Renamed: &logpb.Renamed{Title: "team"}} },
			want: want(func(e *protocol.Entry) { e.Kind, e.Title = protocol.KindRenamed, "team" }),
		},
		"Edited": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 5, Body: "hi, all"}}
			},
			want: want(func(e *protocol.Entry) { e.Kind, e.Target, e.Body = protocol.KindEdited, 5, "hi, all" }),
		},
		"Deleted": {
			set:  func(e *logpb.Entry) { e.Kind = &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: 5}} },
			want: want(func(e *protocol.Entry) { e.Kind, e.Target = protocol.KindDeleted, 5 }),
		},
		"Reacted": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Reacted{Reacted: &logpb.Reacted{Target: 5, Emoji: "👍", Removed: true}}
			},
			want: want(func(e *protocol.Entry) { e.Kind, e.Target, e.Emoji, e.Removed = protocol.KindReacted, 5, "👍", true }),
		},
		"RoleChanged": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_RoleChanged{RoleChanged: &logpb.RoleChanged{User: "bob", Role: "admin"}}
			},
			want: want(func(e *protocol.Entry) {
				e.Kind, e.Members = protocol.KindRoleChanged, []protocol.Member{{User: "bob", Role: "admin"}}
			}),
		},
		"Verdict": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Verdict{Verdict: &logpb.Verdict{
					Target: 5, Action: "mask", Processor: "profanity", Reason: "word", Spans: []*logpb.Span{{Start: 1, Length: 2}},
				}}
			},
			want: want(func(e *protocol.Entry) {
				e.Kind, e.Target = protocol.KindVerdict, 5
				e.Verdict = &protocol.Verdict{Action: "mask", Processor: "profanity", Reason: "word"}
			}),
		},
		"MessageWithWhatWasFoldedIn": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Message{Message: &logpb.Message{
					Body: "hi", Revision: 2, Folded: 9, EditedAtMs: 77,
					Reactions: []*logpb.Reaction{{User: "bob", Emoji: "👍"}, {User: "cho", Emoji: "🎉"}, {User: "dan", Emoji: "👍"}},
				}}
			},
			want: want(func(e *protocol.Entry) {
				e.Kind, e.Body, e.Revision, e.Folded, e.EditedAtMS = protocol.KindMessage, "hi", 2, 9, 77
				e.Reactions = []protocol.Reaction{{Emoji: "👍", Users: []string{"bob", "dan"}}, {Emoji: "🎉", Users: []string{"cho"}}}
			}),
		},
		"DeletedMessage": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Deleted: true, Revision: 1}}
			},
			want: want(func(e *protocol.Entry) { e.Kind, e.Deleted, e.Revision = protocol.KindMessage, true, 1 }),
		},
		"MaskedMessage": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Message{Message: &logpb.Message{
					Body: "héllo", Verdict: &logpb.Verdict{Action: "mask", Spans: []*logpb.Span{{Start: 1, Length: 2}, {Start: 4, Length: 1 << 31}, {Start: 99, Length: 1}}},
				}}
			},
			want: want(func(e *protocol.Entry) {
				e.Kind, e.Body, e.Verdict = protocol.KindMessage, "h**l*", &protocol.Verdict{Action: "mask"}
			}),
		},
		"HiddenMessage": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: "x", Verdict: &logpb.Verdict{Action: "hide"}}}
			},
			want: want(func(e *protocol.Entry) { e.Kind, e.Verdict = protocol.KindMessage, &protocol.Verdict{Action: "hide"} }),
		},
		"FlaggedMessage": {
			set: func(e *logpb.Entry) {
				e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: "x", Verdict: &logpb.Verdict{Action: "flag"}}}
			},
			want: want(func(e *protocol.Entry) {
				e.Kind, e.Body, e.Verdict = protocol.KindMessage, "x", &protocol.Verdict{Action: "flag"}
			}),
		},
		"NewerThanThisServer": {
			set:  func(*logpb.Entry) {},
			want: want(func(e *protocol.Entry) { e.Kind = protocol.KindUnknown }),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := base()
			tc.set(e)
			if diff := cmp.Diff(tc.want, protocol.EntryOf(e)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzClientFrame(f *testing.F) {
	f.Add([]byte(`{"type":"send","conversation":"c","client_msg_id":"m","after_seq":3,"body":"hi"}`))
	f.Add([]byte(`{"type":"hello","token":"t","device":"d"}`))
	f.Add([]byte(`{"seq":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var frame protocol.ClientFrame
		if json.Unmarshal(data, &frame) != nil {
			return
		}
		again, err := json.Marshal(frame)
		if err != nil {
			t.Fatalf("a frame that was read cannot be written: %v", err)
		}
		var second protocol.ClientFrame
		if err := json.Unmarshal(again, &second); err != nil {
			t.Fatalf("a frame that was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(frame, second); diff != "" {
			t.Errorf("the frame changed on its way, -first +second:\n%s", diff)
		}
	})
}

// Who decided is no member's business, whenever that was: entries of the log keep who it was.
func TestMembersDoNotSeeWhichModeratorDecided(t *testing.T) {
	entry := func(processor string) *logpb.Entry {
		return &logpb.Entry{Seq: 5, Sender: "carol", ClientMsgId: "review.4.reverted", Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{
			Target: 2, Action: protocol.ActionNone, Processor: processor,
		}}}
	}
	if got := protocol.EntryOf(entry(protocol.ProcessorModerator)); got.Sender != protocol.ProcessorModerator || got.ClientMsgID != "" {
		t.Errorf("a moderator's: %+v", got)
	}
	if got := protocol.EntryOf(entry("carol")); got.Sender != "carol" || got.ClientMsgID == "" {
		t.Errorf("a processor's: %+v", got)
	}
}
