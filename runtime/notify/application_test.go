package notify

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// owners says which applications tenants have.
type owners struct {
	mu  sync.Mutex
	own map[store.Tenant]string
	err error
}

func (o *owners) Application(_ context.Context, t store.Tenant) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.own[t], o.err
}

func (o *owners) set(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// through notes the application of each push, and lets it through as if it were the one that the world knows.
type through struct {
	*world
	applications []string
}

func (s *through) Send(ctx context.Context, application string, messages []push.Message) []push.Result {
	s.change(func() { s.applications = append(s.applications, application) })
	return s.world.Send(ctx, "app", messages)
}

func TestATenantsOwnApplicationTakesItsPushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		o := &owners{own: map[store.Tenant]string{"acme": "acmes", "other": "others"}}
		s := &through{world: w}
		l := run(t, w, func(options *Options) { options.Applications, options.Sender = o, s })
		l.say("alice", 1, "hi")
		pass(delay)
		expect(t, "applications", []string{"acmes"}, s.applications)
		expect(t, "bob's phone", []string{"hi"}, w.shows("bob-phone"))
	})
}

// While nobody can tell a tenant's application its pushes wait: the cluster's own knows nothing of its phones.
func TestPushesWaitWhileTheApplicationCannotBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		o := &owners{own: map[store.Tenant]string{"acme": "acmes"}, err: errors.New("the record is not known")}
		s := &through{world: w}
		l := run(t, w, func(options *Options) { options.Applications, options.Sender = o, s })
		l.say("alice", 1, "hi")
		pass(delay + 2*time.Second)
		expect(t, "applications while it cannot be told", nil, s.applications)
		o.set(nil)
		pass(2 * time.Minute)
		expect(t, "applications", []string{"acmes"}, s.applications)
		expect(t, "bob's phone", []string{"hi"}, w.shows("bob-phone"))
	})
}

// Deferred pushes of several tenants are sent together, each through its tenant's application.
func TestPushesAreSplitByApplication(t *testing.T) {
	user := func(tenant store.Tenant) store.User {
		u, err := store.NewUser(tenant, "bob")
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	n := &Notifier{o: Options{Application: "app", Applications: &owners{own: map[store.Tenant]string{"a": "as", "b": "bs", "c": "as"}}}}
	out := []outgoing{{user: user("a")}, {user: user("b")}, {user: user("c")}, {user: user("b")}}
	expect(t, "pushes by application", map[string][]int{"as": {0, 2}, "bs": {1, 3}}, n.byApplication(t.Context(), out, make([]push.Result, len(out))))
}
