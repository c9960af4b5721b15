package readmodeltest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// World returns logs with all that happens in them: members who come, go, come again and change roles, names, messages and what happens to
// those, batches large and small.
func World(t *testing.T, rnd *rand.Rand) []*Log {
	var logs []*Log
	for i := range 6 {
		kind := store.Group
		if i == 0 {
			kind = store.Direct
		}
		l := NewLog(t, fmt.Sprintf("tenant%d", i%2), fmt.Sprintf("conv%d", i/2), kind)
		l.Title = fmt.Sprintf("First title %d", i)
		l.Batch(Add("ann", "ann", "bob"))
		inside := map[string]bool{"ann": true, "bob": true}
		for range 30 {
			var entries []*logpb.Entry
			for n := range uint64(1 + rnd.IntN(4)) {
				user := []string{"cat", "dan", "eve"}[rnd.IntN(3)]
				target := 1 + rnd.Uint64N(l.Head()+n)
				if rnd.IntN(2) == 0 {
					target = max(1, l.Head()+n-rnd.Uint64N(4)) // mostly the last ones: summaries follow them
				}
				someone := []string{"ann", "bob"}[rnd.IntN(2)]
				switch {
				case rnd.IntN(5) == 0:
					entries = append(entries, Edit(someone, target, "edited\x00 "+fmt.Sprint(rnd.IntN(1000))))
				case rnd.IntN(5) == 0: //nolint:gocritic // each case draws anew
					entries = append(entries, React(someone, target, []string{"👍", "👎"}[rnd.IntN(2)]))
				case rnd.IntN(12) == 0:
					entries = append(entries, Delete("ann", target))
				case rnd.IntN(8) == 0:
					actions := []string{"flag", "mask", "hide", "none"}
					entries = append(entries, Judge([]string{"spam", "profanity"}[rnd.IntN(2)], target, actions[rnd.IntN(4)], rnd.Uint32N(3)))
				case rnd.IntN(15) == 0:
					entries = append(entries, Role("ann", someone, []string{store.RoleAdmin, store.RoleMember}[rnd.IntN(2)]))
				case kind == store.Group && rnd.IntN(6) == 0 && inside[user]:
					entries = append(entries, Remove("ann", user))
					inside[user] = false
				case kind == store.Group && rnd.IntN(4) == 0 && !inside[user]:
					entries = append(entries, Add("ann", user))
					inside[user] = true
				case rnd.IntN(15) == 0: //nolint:gocritic // each case draws anew
					entries = append(entries, Rename("ann", fmt.Sprint("Title ", rnd.IntN(100))))
				default:
					entries = append(entries, Say([]string{"ann", "bob"}[rnd.IntN(2)], "hello\x00 wörld 👋 "+fmt.Sprint(rnd.IntN(1000))))
				}
			}
			l.Batch(entries...)
		}
		logs = append(logs, l)
	}
	return logs
}
