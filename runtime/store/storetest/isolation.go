package storetest

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// hostile are ids that try to be another's key, or that an encoding might fold into one.
var hostile = []string{
	"a", "A", "a#0", "a#1", "a#C#b", "a%23C%23b", "a%230", "a%2523", "#", "##", "%", "%23", "%25", "T#a", "T#a#C#b", "M#a", "META", "M", "{a}", "{",
	"ä", "a\u0308", "日本語", "👩‍👩‍👧", "a b", " a", "a ", "a/b", "a:b", "../a", "\U0010ffff", "ﬁ", "fi", "0", "00", "1", "-1",
}

func hostileIDs(t *testing.T, w *world) {
	ctx := w.Context()
	logs := make(map[string]*logpb.Batch)
	for _, id := range hostile {
		c := w.conv(id)
		logs[id] = batch(1, 1)
		members := []store.Member{{User: w.user(id), Role: store.RoleOwner, Joined: 1}}
		conv := store.Conversation{Conv: c, Kind: store.Group, Title: id, CreatedAt: time.UnixMilli(1).UTC()}
		if err := w.Create(ctx, conv, members, logs[id], store.AppendOptions{Outbox: true}); err != nil {
			t.Fatalf("create %q: %v", id, err)
		}
		_, err := w.PutDevice(ctx, w.user("devices"), store.Device{ID: id, Platform: "web", RegisteredAt: time.UnixMilli(1).UTC()})
		w.must(err)
		w.must(w.RaiseDelivered(ctx, w.user(id), c, id, 1))
	}
	for _, id := range hostile {
		c := w.conv(id)
		w.expect(w.read(c, 1, 10), logs[id])
		conv, err := w.Conversation(ctx, c)
		w.must(err)
		if conv.Conv != c || conv.Title != id {
			t.Errorf("conversation %q is stored as %q with title %q", id, conv.Conv.ID(), conv.Title)
		}
		members, err := w.Members(ctx, c)
		w.must(err)
		w.same([]store.Member{{User: w.user(id), Role: store.RoleOwner, Joined: 1}}, members)
		ms, err := w.Memberships(ctx, w.user(id))
		w.must(err)
		w.same([]store.Membership{{Conv: c, Joined: 1, Delivered: map[string]uint64{id: 1}}}, ms)
	}
	devs, err := w.Devices(ctx, w.user("devices"))
	w.must(err)
	if len(devs) != len(hostile) {
		t.Errorf("%d devices are stored, want %d", len(devs), len(hostile))
	}
	w.eventually("all are owed", func(ctx context.Context) bool { return len(w.owed(ctx)) == len(hostile) })
	for _, o := range w.owed(ctx) {
		if d := cmp.Diff(logs[o.Conv.ID()], o.Batch, protocmp.Transform()); d != "" {
			t.Errorf("%q owes another's batch:\n%s", o.Conv.ID(), d)
		}
	}
}

// The same ids in two tenants are different things, also where a tenant's name tries to reach into another's keys.
func tenants(t *testing.T, w *world) {
	ctx := w.Context()
	other := &world{T: t, Store: w.Store, tenant: w.tenant + "#C"}
	c, oc := w.conv("c"), other.conv("c")
	w.create(c, "ann")
	other.create(oc, "bob")
	second := w.append(c, 2, 1)
	w.expect(w.read(c, 2, 10), second)
	other.expect(other.read(oc, 2, 10))
	members, err := other.Members(ctx, oc)
	w.must(err)
	w.same([]store.Member{{User: other.user("bob"), Role: store.RoleMember, Joined: 1}}, members)
	if ms, err := other.Memberships(ctx, other.user("ann")); err != nil || len(ms) != 0 {
		t.Errorf("the other tenant's ann has memberships %v, %v", ms, err)
	}
	// A user of one tenant with a conversation of another: there is no such membership, whatever the ids say.
	for name, err := range map[string]error{
		"delivered":  w.RaiseDelivered(ctx, w.user("ann"), oc, "phone", 9),
		"read":       w.RaiseRead(ctx, w.user("ann"), oc, 9),
		"pushed":     w.RaisePushed(ctx, w.user("ann"), oc, 9),
		"membership": func() error { _, err := w.Membership(ctx, w.user("ann"), oc); return err }(),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s across tenants: %v, want ErrNotFound", name, err)
		}
	}
	m, err := w.Membership(ctx, w.user("ann"), c)
	w.must(err)
	w.same(store.Membership{Conv: c, Joined: 1, Delivered: map[string]uint64{}}, m)
}

// Every method returns the context's error and writes nothing when its context has ended.
func contextEnded(t *testing.T, w *world) {
	c, ann := w.conv("c"), w.user("ann")
	w.create(c, "ann")
	ctx, cancel := context.WithCancel(w.Context())
	cancel()
	discard := func(_ any, err error) error { return err }
	calls := map[string]error{
		"Append":          w.Append(ctx, c, batch(2, 1), store.AppendOptions{}),
		"Read":            discard(w.Read(ctx, c, 1, 1)),
		"MarkOutbox":      w.MarkOutbox(ctx, c, 1),
		"ClearOutbox":     w.ClearOutbox(ctx, c, 1),
		"Outbox":          discard(w.Outbox(ctx, 0, 1)),
		"Fold":            w.Fold(ctx, c, []*logpb.Entry{edit(2, 1, "x")}),
		"SetPreferences":  discard(w.SetPreferences(ctx, ann, c, store.PreferencesChange{Pinned: new(bool)})),
		"Create":          w.Create(ctx, store.Conversation{Conv: w.conv("new")}, nil, batch(1, 1), store.AppendOptions{}),
		"Conversation":    discard(w.Conversation(ctx, c)),
		"Members":         discard(w.Members(ctx, c)),
		"MembersPage":     discard(w.MembersPage(ctx, c, "", 1)),
		"ChangeMembers":   w.ChangeMembers(ctx, c, batch(2, 1), []store.MemberChange{{User: ann, Left: 2}}, store.AppendOptions{}),
		"RaiseTail":       w.RaiseTail(ctx, c, 1, 1),
		"Memberships":     discard(w.Memberships(ctx, ann)),
		"Membership":      discard(w.Membership(ctx, ann, c)),
		"RaiseDelivered":  w.RaiseDelivered(ctx, ann, c, "phone", 1),
		"RaiseRead":       w.RaiseRead(ctx, ann, c, 1),
		"RaisePushed":     w.RaisePushed(ctx, ann, c, 1),
		"PutDevice":       discard(w.PutDevice(ctx, ann, store.Device{ID: "phone"})),
		"Devices":         discard(w.Devices(ctx, ann)),
		"RemovePushToken": w.RemovePushToken(ctx, ann, "phone", "token"),
		"RemoveDevice":    w.RemoveDevice(ctx, ann, "phone"),
		"StrikeToken":     discard(w.StrikeToken(ctx, ann, "phone", "token")),
		"ClearStrikes":    w.ClearStrikes(ctx, ann, "phone", "token"),
		"Defer":           w.Defer(ctx, store.Deferral{User: ann, Device: "phone", Conv: c, Due: time.UnixMilli(1), Seq: 1}),
		"Deferred":        discard(w.Deferred(ctx, 0, time.Now(), 1)),
		"RemoveDeferral":  w.RemoveDeferral(ctx, store.Deferral{User: ann, Device: "phone", Conv: c, Due: time.UnixMilli(1), Seq: 1}),
	}
	maps.Copy(calls, tenantCalls(ctx, w))
	maps.Copy(calls, purgeCalls(ctx, w))
	for name, err := range calls {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	w.expect(w.read(c, 2, 1))
	m, err := w.Membership(w.Context(), ann, c)
	w.must(err)
	w.same(store.Membership{Conv: c, Joined: 1, Delivered: map[string]uint64{}}, m)
}
