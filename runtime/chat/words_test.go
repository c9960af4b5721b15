package chat

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// word is a processor's word on the message at seq 2 as it was sent.
func word(processor, action string) *chatpb.Send {
	after := uint64(2)
	v := &logpb.Verdict{Target: 2, Action: action, Processor: processor}
	if action == protocol.ActionMask {
		v.Spans = []*logpb.Span{{Length: 1}}
	}
	return &chatpb.Send{User: processor, ClientMsgId: fold.WordName(2, 0), AfterSeq: &after, Change: &chatpb.Send_Verdict{Verdict: v}}
}

// Two pods are told the same words, side by side and again and again: each action of a processor is in the log once, each stronger than the last.
func TestWordsOfTwoPodsCountOnce(t *testing.T) {
	for seed := range uint64(5) {
		st, k := memStore(t), newKafka()
		c := makeConv(t, st, "c", "ann", "bob")
		pods := []*gateway{startPod(t, "chat-0", st, k, nil, nil).connect(), startPod(t, "chat-1", st, k, nil, nil).connect()}
		pods[0].mustSend(msg{conv: "c", user: "ann", id: "m1"})
		actions := []string{protocol.ActionFlag, protocol.ActionMask, protocol.ActionHide}
		var wg sync.WaitGroup
		for i, g := range pods {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			for _, processor := range []string{"spam", "fraud"} {
				said := slices.Concat(actions, actions, actions)
				rnd.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
				wg.Go(func() {
					for _, action := range said {
						if r := g.ask(word(processor, action)); r.GetCode() != "" {
							t.Errorf("%s by %s: %v", action, processor, r)
						}
					}
				})
			}
		}
		wg.Wait()
		got, names := map[string][]string{}, map[string]bool{}
		for _, e := range logOf(t, st, c) {
			v := e.GetVerdict()
			if v == nil {
				continue
			}
			if n := fmt.Sprint(e.GetSender(), " ", e.GetClientMsgId()); names[n] {
				t.Errorf("%s is twice in the log", n)
			} else {
				names[n] = true
			}
			got[e.GetSender()] = append(got[e.GetSender()], v.GetAction())
		}
		for processor, list := range got {
			if !slices.IsSortedFunc(list, func(a, b string) int { return slices.Index(actions, a) - slices.Index(actions, b) }) ||
				len(slices.Compact(slices.Clone(list))) != len(list) || list[len(list)-1] != protocol.ActionHide {
				t.Errorf("seed %d: %s has said %v: each is to be stronger than the last, and the strongest is to be there", seed, processor, list)
			}
		}
		if len(got) != 2 {
			t.Errorf("%v have spoken", got)
		}
	}
}

func TestWhatAPersonHasLetPassIsNotCovered(t *testing.T) {
	st := memStore(t)
	c := makeConv(t, st, "c", "ann", "bob")
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	g.mustSend(msg{conv: "c", user: "ann", id: "m1"})
	g.ask(word("spam", protocol.ActionFlag))
	revert := &logpb.Verdict{Target: 2, Action: protocol.ActionNone, Processor: protocol.ProcessorModerator}
	decided := g.ask(&chatpb.Send{User: "mia", ClientMsgId: "review.3.reverted", Change: &chatpb.Send_Verdict{Verdict: revert}})
	before := len(logOf(t, st, c))
	for _, processor := range []string{"spam", "fraud"} {
		if r := g.ask(word(processor, protocol.ActionHide)); !r.GetFound() || r.GetSeq() != decided.GetSeq() {
			t.Errorf("%s: %v, want the moderator's entry at %d", processor, r, decided.GetSeq())
		}
	}
	if n := len(logOf(t, st, c)); n != before {
		t.Errorf("%d new entries", n-before)
	}
	// Another person may decide otherwise.
	hide := &logpb.Verdict{Target: 2, Action: protocol.ActionHide, Processor: protocol.ProcessorModerator}
	if r := g.ask(&chatpb.Send{User: "noa", ClientMsgId: "v1", Change: &chatpb.Send_Verdict{Verdict: hide}}); r.GetCode() != "" || r.GetFound() {
		t.Errorf("another moderator: %v", r)
	}
}
