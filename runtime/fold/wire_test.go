package fold_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// clientFolds does what docs/protocol.md has clients do: of the entries about the message apply those with a greater seq than its folded.
func clientFolds(m protocol.Entry, entries []protocol.Entry) protocol.Entry {
	for _, e := range entries {
		if e.Target != m.Seq || e.Seq <= m.Folded || m.Deleted {
			continue
		}
		switch e.Kind {
		case protocol.KindEdited:
			if !e.Redacted {
				m.Body = e.Body
			}
		case protocol.KindDeleted:
			m.Body, m.Deleted, m.Reactions = "", true, nil
		case protocol.KindReacted:
			m.Reactions = reactedBy(m.Reactions, e)
		}
		m.Folded = e.Seq
	}
	return m
}

func reactedBy(all []protocol.Reaction, e protocol.Entry) []protocol.Reaction {
	var out []protocol.Reaction
	seen := false
	for _, r := range all {
		users := r.Users
		if r.Emoji == e.Emoji {
			seen = true
			users = slices.DeleteFunc(slices.Clone(users), func(u string) bool { return u == e.Sender })
			if !e.Removed {
				users = append(users, e.Sender)
			}
		}
		if len(users) > 0 {
			out = append(out, protocol.Reaction{Emoji: r.Emoji, Users: users})
		}
	}
	if !seen && !e.Removed {
		out = append(out, protocol.Reaction{Emoji: e.Emoji, Users: []string{e.Sender}})
	}
	return out
}

// onScreen is what of a message does not depend on who folded, and in which order reactions stand.
func onScreen(m protocol.Entry) string {
	var reactions []string
	for _, r := range m.Reactions {
		for _, u := range r.Users {
			reactions = append(reactions, r.Emoji+u)
		}
	}
	slices.Sort(reactions)
	return fmt.Sprintf("%q deleted %t, %v", m.Body, m.Deleted, reactions)
}

// However far the server has folded a message, and however many of the entries about it a client has: it shows what the further of the
// two knows. Seqs are enough for that.
func TestAClientFoldsBySeq(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		const first, last = 5, 20
		entries := []*logpb.Entry{{Seq: first, Sender: "ann", Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: "said"}}}}
		for seq := uint64(first + 1); seq <= last; seq++ {
			e := &logpb.Entry{Seq: seq, Sender: []string{"ann", "bob"}[rnd.IntN(2)]}
			switch rnd.IntN(12) {
			case 0, 1, 2, 3:
				e.Sender = "ann"
				e.Kind = &logpb.Entry_Edited{Edited: &logpb.Edited{Target: first, Body: fmt.Sprint("edit ", seq)}}
			case 4, 5, 6, 7, 8:
				e.Kind = &logpb.Entry_Reacted{Reacted: &logpb.Reacted{Target: first, Emoji: []string{"👍", "🎉"}[rnd.IntN(2)], Removed: rnd.IntN(2) == 0}}
			case 9:
				e.Kind = &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: first}}
			default:
				e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: "another"}}
			}
			entries = append(entries, e)
		}
		// folded are the message with everything up to each seq.
		folded := map[uint64]protocol.Entry{}
		m := proto.CloneOf(entries[0])
		for _, e := range entries {
			fold.Apply(m, proto.CloneOf(e))
			folded[e.GetSeq()] = protocol.EntryOf(proto.CloneOf(m))
		}
		known := protocol.EntriesOf(entries)
		for server := uint64(first); server <= last; server++ {
			for client := uint64(first); client <= last; client++ {
				got, want := onScreen(clientFolds(folded[server], known[:client-first+1])), onScreen(folded[max(server, client)])
				if got != want {
					t.Fatalf("seed %d, folded to %d by the server, %d known to the client: %s, want %s", seed, server, client, got, want)
				}
			}
		}
	}
}
