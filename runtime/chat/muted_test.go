package chat

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// muted is who is muted until when.
type muted map[string]time.Time

func (m muted) Until(u store.User) (time.Time, bool) {
	until, ok := m[u.ID()]
	return until, ok && until.After(time.Now())
}

func TestAMutedUserSaysNothing(t *testing.T) {
	mem := memStore(t)
	makeConv(t, mem, "c", "ann", "bob")
	until := time.Now().Add(time.Hour)
	mutes := muted{}
	p := startPod(t, "chat-0", mem, newKafka(), nil, nil, func(o *Options) { o.Mutes = mutes })
	g := p.connect()
	body := func(s *chatpb.Send) { s.Body = "x" }
	said := g.mustDo("ann", "before", body)
	mutes["ann"] = until // between two requests
	for name, tc := range map[string]struct {
		change change
		code   protocol.Code
		reason string
	}{
		"Message":  {body, protocol.CodeMuted, "that is what a mute is for"},
		"Edit":     {edit(said.GetSeq(), "y"), protocol.CodeMuted, "an edit says something"},
		"Reaction": {react(said.GetSeq(), "+"), protocol.CodeMuted, "so does a reaction"},
		"Deletion": {remove(said.GetSeq()), "", "taking something back is nothing said"},
	} {
		r := g.do("ann", name, tc.change)
		if r.GetCode() != string(tc.code) {
			t.Errorf("%s: %s: got %v, want %q", name, tc.reason, r, tc.code)
		}
		left := time.Duration(r.GetRetryAfterMs()) * time.Millisecond
		if tc.code != "" && (!strings.Contains(r.GetDetail(), until.UTC().Format(time.RFC3339)) || left > time.Hour || left < 59*time.Minute) {
			t.Errorf("%s: %v does not say until when", name, r)
		}
	}
	if again := g.mustDo("ann", "before", body); !again.GetFound() || again.GetSeq() != said.GetSeq() {
		t.Errorf("a retry of what was said before: got %v, want %v", again, said)
	}
	g.mustDo("bob", "1", body)
	if r := g.do("scanner", "v", judge(said.GetSeq(), protocol.ActionFlag)); r.GetCode() != "" {
		t.Errorf("a verdict: %v; a processor is no user", r)
	}
	if _, err := g.client.CreateConversation(t.Context(), create("d", store.Group, "ann", "ann", "bob")); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a group: %v; its title would say something", err)
	}
	if _, err := g.client.CreateConversation(t.Context(), create("e", store.Direct, "ann", "ann", "bob")); err != nil {
		t.Errorf("a direct conversation: %v", err)
	}
	mutes["ann"] = time.Now()
	g.mustDo("ann", "after", body)
}
