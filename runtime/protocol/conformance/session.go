package conformance

import (
	"slices"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func tokens(w *world) {
	s := w.hello("alice", "phone")
	s.say(protocol.ClientFrame{Type: protocol.TypeToken, Token: w.Token(w.T, w.user("alice")), Ref: "r1"})
	if f := s.expect(protocol.TypeToken); f.Ref != "r1" || f.ExpiresAtMS == 0 {
		w.Errorf("a refresh: %+v", f)
	}
	refused := map[string]struct {
		reason string
		token  string
		code   protocol.Code
	}{
		"Anothers": {"who is connected does not change", w.Token(w.T, w.user("bob")), protocol.CodeForbidden},
		"Bad":      {"nobody signed it", "bad", protocol.CodeUnauthenticated},
		"None":     {"there is none", "", protocol.CodeUnauthenticated},
	}
	if w.Expired != nil {
		refused["Expired"] = struct {
			reason string
			token  string
			code   protocol.Code
		}{"it is over", w.Expired(w.T, w.user("alice")), protocol.CodeTokenExpired}
	}
	for name, tc := range refused {
		s.say(protocol.ClientFrame{Type: protocol.TypeToken, Token: tc.token, Ref: name})
		if f := s.refused(name+": "+tc.reason, tc.code); f.Ref != name {
			w.Errorf("%s: the error's ref is %q", name, f.Ref)
		}
	}
	s.lives()
}

func expiry(w *world) {
	if w.Expiring == nil {
		w.Skip("the target mints no token that is about to expire")
	}
	token := w.Expiring(w.T, w.user("alice"))
	connect := func(device string) *socket {
		s := w.open()
		s.say(protocol.ClientFrame{Type: protocol.TypeHello, Token: token, Device: device})
		s.expect(protocol.TypeWelcome)
		if f := s.expect(protocol.TypeToken); f.Ref != "" || f.ExpiresAtMS == 0 {
			w.Errorf("a refresh is offered with %+v", f)
		}
		return s
	}
	lapsing, renewed := connect("phone"), connect("tablet")
	renewed.say(protocol.ClientFrame{Type: protocol.TypeToken, Token: w.Token(w.T, w.user("alice")), Ref: "r"})
	renewed.expect(protocol.TypeToken)
	lapsing.refused("the token has expired", protocol.CodeTokenExpired)
	lapsing.closed("the token has expired", protocol.CloseTokenExpired)
	renewed.lives()
}

func signals(w *world) {
	room := w.group("alice", "bob")
	alice, bob := w.hello("alice", "phone"), w.hello("bob", "phone")
	alice.entries(room, 0, 1)
	bob.entries(room, 0, 1)
	alice.say(protocol.ClientFrame{Type: protocol.TypeTyping, Conversation: room, Active: true})
	if f := bob.expect(protocol.TypeTyping); f.Conversation != room || f.User != w.user("alice") || !f.Active {
		w.Errorf("typing: %+v", f)
	}
	alice.say(protocol.ClientFrame{Type: protocol.TypeTyping, Conversation: room})
	if f := bob.expect(protocol.TypeTyping); f.Active {
		w.Errorf("typing has ended: %+v", f)
	}
	alice.say(protocol.ClientFrame{Type: protocol.TypeTyping, Conversation: "g-nowhere", Active: true})
	alice.refused("absence looks like non-membership", protocol.CodeNotMember)
}

func presence(w *world) {
	w.direct("alice", "bob") // who never talked with each other is told nothing
	alice := w.hello("alice", "phone")
	alice.say(protocol.ClientFrame{Type: protocol.TypePresence, Users: []string{w.user("bob")}})
	online := func() bool {
		f := alice.expect(protocol.TypePresence)
		i := slices.IndexFunc(f.Presence, func(p protocol.Presence) bool { return p.User == w.user("bob") })
		return i >= 0 && f.Presence[i].Online
	}
	// Before he connects a server may say that he is not there, or nothing where it does not know.
	w.hello("bob", "phone")
	for !online() {
		w.Log("bob is not seen yet")
	}
	many := make([]string, protocol.MaxPresenceUsers+1)
	for i := range many {
		many[i] = w.user("x")
	}
	alice.say(protocol.ClientFrame{Type: protocol.TypePresence, Users: many})
	alice.refused("watches are bounded", protocol.CodeInvalid)
}

func signOut(w *world) {
	if w.SignOut == nil {
		w.Skip("the target signs nobody out")
	}
	old := w.Token(w.T, w.user("alice"))
	alice, bob := w.hello("alice", "phone"), w.hello("bob", "phone")
	w.SignOut(w.T, w.user("alice"))
	alice.closed("the user was signed out", protocol.CloseRevoked)
	bob.lives()
	s := w.open()
	s.say(protocol.ClientFrame{Type: protocol.TypeHello, Token: old, Device: "phone"})
	s.refused("an old token", protocol.CodeUnauthenticated)
	s.closed("an old token", protocol.CloseRevoked)
}

func drain(w *world) {
	if w.Drain == nil {
		w.Skip("the target does not go away")
	}
	s := w.hello("alice", "phone")
	w.Drain(w.T)
	s.expect(protocol.TypeDrain)
	s.closed("the server goes away", protocol.CloseDrain)
}
