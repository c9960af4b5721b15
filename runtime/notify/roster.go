package notify

import (
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// maxRoster bounds the users whose devices are remembered.
	maxRoster = 50_000
	// clockSlack is how far the clock of a chat pod may be ahead of this one's.
	clockSlack = 2 * time.Second
)

// roster remembers users' devices for the one question whether all of them have confirmed. A list that was read after a message
// was committed names every device that is owed it: one that was registered later starts after it. So a busy group, whose members
// confirm, costs the store one read of a member's devices for a push delay, and not for a message.
type roster struct {
	mu    sync.Mutex
	lists map[store.User]roll
}

// roll is the ids of the devices that take pushes, or could once they have a token.
type roll struct {
	at  time.Time
	ids []string
}

func newRoster() *roster { return &roster{lists: map[store.User]roll{}} }

// put remembers a list whose reading began at that time.
func (r *roster) put(u store.User, devices []store.Device, at time.Time) {
	list := roll{at: at}
	for _, d := range devices {
		if d.PushToken != "" || d.Platform != "web" && d.Platform != "cli" {
			list.ids = append(list.ids, d.ID)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lists) >= maxRoster {
		clear(r.lists)
	}
	r.lists[u] = list
}

func (r *roster) get(u store.User) (roll, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list, ok := r.lists[u]
	return list, ok
}

// confirmed says whether every device of the member is known to have confirmed what is due.
func (n *Notifier) confirmed(e *evaluation, m *member, fast cache.Marks) bool {
	list, ok := n.roster.get(m.User)
	if !ok {
		return false
	}
	for _, x := range e.messages {
		if x.seq <= e.due && !x.at.Add(clockSlack).Before(list.at) {
			return false
		}
	}
	for _, id := range list.ids {
		if e.owes(m.Member, max(fast.Read, fast.Delivered[id])) {
			return false
		}
	}
	return true
}
