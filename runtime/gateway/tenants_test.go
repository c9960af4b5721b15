package gateway_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tenants"
)

// directory is the tenants' records in the world's store, read every few milliseconds.
func directory(w *gatewaytest.World) *tenants.Directory {
	w.T.Helper()
	d, err := tenants.New(tenants.Options{Store: w.Store, RefreshEvery: 10 * time.Millisecond})
	if err != nil {
		w.T.Fatal(err)
	}
	return d
}

func runDirectory(w *gatewaytest.World, d *tenants.Directory) {
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = d.Run(ctx) })
	w.T.Cleanup(func() { cancel(); run.Wait() })
}

// putTenant writes a tenant's record.
func putTenant(w *gatewaytest.World, id store.Tenant, change func(*store.TenantRecord)) {
	w.T.Helper()
	r := store.TenantRecord{
		Tenant: id, State: store.TenantActive, Owner: store.TenantOwner{UID: "u"},
		Issuer: store.TenantIssuer{URL: "https://" + string(id), Audience: "chat"},
	}
	found, err := w.Store.Tenants(context.Background(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	if len(found) > 0 {
		r.Revision = found[0].Revision
	}
	change(&r)
	if _, err := w.Store.PutTenant(context.Background(), r, ""); err != nil {
		w.T.Fatal(err)
	}
}

func unchanged(*store.TenantRecord) {}

func ping(s *gatewaytest.Socket) {
	s.Say(protocol.ClientFrame{Type: protocol.TypePing})
	s.Expect(protocol.TypePong)
}

// A suspension closes a tenant's connections at every gateway, with a code that says so, and nobody else's.
func TestASuspensionClosesATenantsConnections(t *testing.T) {
	for _, state := range []store.TenantState{store.TenantSuspended, store.TenantDeleting, store.TenantRetained} {
		t.Run(string(state), func(t *testing.T) {
			w := gatewaytest.New(t)
			w.Pod("c1")
			putTenant(w, "rival", unchanged)
			var urls []string
			for _, name := range []string{"g1", "g2"} {
				d := directory(w)
				urls = append(urls, w.Gateway(name, func(o *gateway.Options) { o.Tenants, o.Limits.ShareEvery = d, 10*time.Millisecond }).URL)
				runDirectory(w, d)
			}
			theirs := []*gatewaytest.Socket{
				w.Hello(urls[0], "rival/alice", "phone"), w.Hello(urls[1], "rival/alice", "tablet"), w.Hello(urls[1], "rival/bob", "phone"),
			}
			mine := w.Hello(urls[1], "alice", "phone")
			putTenant(w, "rival", func(r *store.TenantRecord) { r.State = state })
			for _, s := range theirs {
				if f := s.Next(); f.Code != protocol.CodeSuspended {
					t.Errorf("before the close comes %+v", f)
				}
				if code := s.Closed(); code != protocol.CloseSuspended || code.Reconnect() {
					t.Errorf("closed with %d, want %d", code, protocol.CloseSuspended)
				}
			}
			ping(mine)
			// Who comes in the moment before the token's judge knows is closed, too.
			s := w.Open(urls[0], nil)
			s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "rival/eve", Device: "phone"})
			if code := s.Closed(); code != protocol.CloseSuspended {
				t.Errorf("who comes later is closed with %d", code)
			}
			putTenant(w, "rival", unchanged)
			w.Eventually("the tenant is served again", func() bool {
				s := w.Open(urls[0], nil)
				s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "rival/alice", Device: "phone"})
				return s.Next().Type == protocol.TypeWelcome
			})
		})
	}
}

// A tenant has as many connections as its quota says, over all gateways; whoever comes back in place of an own one needs no more room.
func TestATenantsConnectionsAreLimited(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.Pod("c1")
	putTenant(w, "rival", func(r *store.TenantRecord) { r.MaxConnections = 3 })
	var urls []string
	for _, name := range []string{"g1", "g2"} {
		d := directory(w)
		urls = append(urls, w.Gateway(name, func(o *gateway.Options) {
			o.Tenants, o.Use, o.Limits.ShareEvery = d, w.Redis.Cache, 10*time.Millisecond
		}).URL)
		runDirectory(w, d)
		if _, err := d.Tenant(t.Context(), "rival"); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(url, device string) {
		t.Helper()
		w.Eventually("the quota is used up", func() bool {
			s := w.Open(url, nil)
			s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "rival/alice", Device: device})
			f := s.Next()
			if f.Code != protocol.CodeQuota {
				_ = s.Close()
				return false
			}
			code := s.Closed()
			return code == protocol.CloseQuota && code.Reconnect()
		})
	}
	var open []*gatewaytest.Socket
	for i := range 3 {
		open = append(open, w.Hello(urls[0], "rival/alice", fmt.Sprint("d", i)))
	}
	refused(urls[0], "d3")
	for i := range 5 { // others have no part in it
		w.Hello(urls[0], "alice", fmt.Sprint("d", i))
	}
	again := w.Hello(urls[0], "rival/alice", "d0")
	if code := open[0].Closed(); code != protocol.CloseReplaced {
		t.Errorf("the older connection is closed with %d", code)
	}
	// The other gateway has no more than an equal part, once it knows of these.
	w.Hello(urls[1], "rival/bob", "d0")
	refused(urls[1], "d4")

	_ = again.Close()
	_ = open[1].Close()
	w.Eventually("there is room again", func() bool {
		s := w.Open(urls[0], nil)
		s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "rival/alice", Device: "d9"})
		return s.Next().Type == protocol.TypeWelcome
	})
}

// On the socket, too, another tenant's user of the same name gets and changes nothing of the same ids.
func TestATenantsSocketGetsNothingOfAnothers(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.Pod("c1")
	url := w.Gateway("g1", nil).URL
	v := w.Create("room", "alice", "bob")
	alice, bob := w.Hello(url, "alice", "phone"), w.Hello(url, "bob", "phone")
	w.Say(v, "bob", "a secret")
	alice.Entries(2)
	bob.Entries(2)
	alice.Say(protocol.ClientFrame{Type: protocol.TypeRead, Conversation: "room", Seq: 2})

	rival := w.Hello(url, "rival/alice", "phone") // the same device of the same user closes nobody
	ping(alice)
	zero := uint64(0)
	for name, f := range map[string]protocol.ClientFrame{
		"history":   {Type: protocol.TypeHistory, Conversation: "room", Ref: "h", After: &zero, Limit: 10},
		"send":      {Type: protocol.TypeSend, Conversation: "room", ClientMsgID: "m", Body: "hello"},
		"edit":      {Type: protocol.TypeEdit, Conversation: "room", ClientMsgID: "e", Target: 2, Body: "changed"},
		"delete":    {Type: protocol.TypeDelete, Conversation: "room", ClientMsgID: "d", Target: 2},
		"react":     {Type: protocol.TypeReact, Conversation: "room", ClientMsgID: "r", Target: 2, Emoji: "👍"},
		"read":      {Type: protocol.TypeRead, Conversation: "room", Seq: 2},
		"typing":    {Type: protocol.TypeTyping, Conversation: "room", Active: true},
		"delivered": {Type: protocol.TypeDelivered, Conversation: "room", Seq: 2},
	} {
		rival.Say(f)
		if got := rival.Next(); got.Type != protocol.TypeError || got.Code != protocol.CodeNotMember {
			t.Errorf("%s: %+v, want not_member", name, got)
		}
	}
	rival.Say(protocol.ClientFrame{Type: protocol.TypePresence, Users: []string{"bob"}}) // of whom nothing must come
	// A new token of the other tenant's does not take the connection over.
	rival.Say(protocol.ClientFrame{Type: protocol.TypeToken, Ref: "t", Token: "alice"})
	if got := rival.Next(); got.Code != protocol.CodeForbidden {
		t.Errorf("another tenant's token: %+v", got)
	}

	// What is said in a conversation of the same id stays in its tenant.
	w.Say(v, "bob", "another secret")
	if got := alice.Entries(3); got[len(got)-1].Body != "another secret" {
		t.Errorf("%+v", got)
	}
	rival.Say(protocol.ClientFrame{Type: protocol.TypePing})
	if got := rival.Next(); got.Type != protocol.TypePong {
		t.Errorf("the other tenant hears %+v", got)
	}
	stored, err := w.Store.Read(t.Context(), v, 1, 10)
	if err != nil || len(stored) != 3 {
		t.Errorf("the log has %v, %v", stored, err)
	}
}
