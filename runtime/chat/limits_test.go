package chat

import (
	"fmt"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func TestEntriesAreLimited(t *testing.T) {
	cases := map[string]struct {
		reason string
		tune   func(*Tunables)
		send   func(g *gateway, i int) string
		want   protocol.Code
	}{
		"Conversation": {
			"All of its members share what it takes.", func(tn *Tunables) { tn.LaneEntriesPerSecond = 5 },
			func(g *gateway, i int) string { return post(g, "c", []string{"ann", "bob", "cho"}[i%3], i) }, protocol.CodeRateLimited,
		},
		"UserInManyConversations": {
			"A user has one measure for all conversations.", func(tn *Tunables) { tn.UserEntriesPerSecond = 5 },
			func(g *gateway, i int) string { return post(g, []string{"c", "d"}[i%2], "ann", i) }, protocol.CodeRateLimited,
		},
		"ManyUsers": {
			"Each user has their own.", func(tn *Tunables) { tn.UserEntriesPerSecond = 5 },
			func(g *gateway, i int) string { return post(g, "c", []string{"ann", "bob", "cho"}[i%3], i) }, "",
		},
		"Verdicts": {
			"A processor is no user.", func(tn *Tunables) { tn.UserEntriesPerSecond = 1 },
			func(g *gateway, i int) string {
				return g.do("scanner", fmt.Sprint("v", i), judge(2, protocol.ActionFlag)).GetCode()
			}, "",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			st := memStore(t)
			makeConv(t, st, "c", "ann", "bob", "cho")
			makeConv(t, st, "d", "ann", "bob", "cho")
			g := startPod(t, "chat-0", st, newKafka(), nil, tc.tune).connect()
			g.mustSend(msg{conv: "c", user: "cho", id: "the target"})
			got := protocol.Code("")
			for i := 0; i < 9 && got == ""; i++ {
				got = protocol.Code(tc.send(g, i))
			}
			if got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func post(g *gateway, conv, user string, i int) string {
	r := g.send(msg{conv: conv, user: user, device: fmt.Sprint("device-", i), id: fmt.Sprint("m", i)})
	if r.GetCode() != "" && r.GetRetryAfterMs() == 0 {
		return "refused without a hint"
	}
	return r.GetCode()
}

func TestUserPaces(t *testing.T) {
	p := newUserPaces(10, 64)
	now := time.Unix(1_700_000_000, 0)
	ann := userOf(t, "ann")
	for i := range 10 {
		if wait := p.take(ann, now); wait != 0 {
			t.Fatalf("entry %d of a second's worth: has to wait %v", i, wait)
		}
	}
	if wait := p.take(ann, now); wait != 100*time.Millisecond {
		t.Errorf("one more: has to wait %v, want 100ms", wait)
	}
	now = now.Add(100 * time.Millisecond)
	if wait := p.take(ann, now); wait != 0 {
		t.Errorf("after that: has to wait %v", wait)
	}
	if wait := p.take(ann, now); wait == 0 {
		t.Error("refused entries must not count, nor be given away")
	}
	// However many users come, few are remembered.
	for i := range 10_000 {
		p.take(userOf(t, fmt.Sprint("user-", i)), now)
	}
	n := 0
	for i := range p.shards {
		n += len(p.shards[i].of)
	}
	if n > 64 {
		t.Errorf("%d users are remembered, want at most 64", n)
	}
}
