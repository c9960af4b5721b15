package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// purge deletes all of a tenant's, whatever its ids are like, and nothing of another's with the same ids.
func purge(t *testing.T, w *world) {
	ctx := w.Context()
	others := &world{T: t, Store: w.Store, tenant: w.tenant + "#C"}
	fill := func(w *world) {
		w.create(w.conv("c#1"), "ann", "bob", "eve#")
		w.append(w.conv("c#1"), 2, 3)
		// Beyond a bucket that has expired.
		far := uint64(3*store.BucketSeqs + 1)
		w.append(w.conv("c#1"), far, 2)
		w.must(w.Append(ctx, w.conv("c#1"), batch(far+2, 1), store.AppendOptions{Outbox: true}))
		w.create(w.conv("c"), "ann")
		for _, u := range []string{"ann", "eve#", "alone"} {
			_, err := w.PutDevice(ctx, w.user(u), store.Device{ID: "phone", Platform: "ios", PushToken: "x", RegisteredAt: time.UnixMilli(1)})
			w.must(err)
		}
		w.must(w.Defer(ctx, store.Deferral{User: w.user("ann"), Device: "phone", Conv: w.conv("c"), Due: time.UnixMilli(5), Seq: 1}))
	}
	fill(w)
	fill(others)
	want := contents(ctx, others)

	for range 2 { // it may be repeated
		w.must(w.PurgeConversation(ctx, w.conv("c#1"), 3*store.BucketSeqs+1))
		w.must(w.PurgeConversation(ctx, w.conv("c"), 0))
		w.must(w.PurgeUser(ctx, w.user("ann")))
	}
	deleted, err := w.PurgeDevices(ctx, w.tenant)
	w.must(err)
	if deleted != 3 { // two devices, and the push that waits
		t.Errorf("%d devices and pushes were left to be deleted, want 3", deleted)
	}
	w.same(nothingOf(w), contents(ctx, w))
	w.same(want, contents(ctx, others))

	// The id is free again, and its log begins anew.
	w.create(w.conv("c#1"), "bob")
	w.append(w.conv("c#1"), 2, 1)
}

// contents is what the store tells of the tenant of a purge's test.
func contents(ctx context.Context, w *world) map[string]string {
	w.Helper()
	out := map[string]string{}
	for _, id := range []string{"c#1", "c"} {
		_, err := w.Conversation(ctx, w.conv(id))
		out["conversation "+id] = fmt.Sprint(!errors.Is(err, store.ErrNotFound))
		members, err := w.Members(ctx, w.conv(id))
		w.must(err)
		out["members "+id] = fmt.Sprint(len(members))
		n := 0
		for bucket := range uint64(4) {
			n += len(w.read(w.conv(id), bucket*store.BucketSeqs+1, 100))
		}
		out["batches "+id] = fmt.Sprint(n)
	}
	for _, u := range []string{"ann", "bob", "eve#", "alone"} {
		ms, err := w.Memberships(ctx, w.user(u))
		w.must(err)
		ds, err := w.Devices(ctx, w.user(u))
		w.must(err)
		out["user "+u] = fmt.Sprintf("%d memberships, %d devices", len(ms), len(ds))
	}
	pushes, err := w.Deferred(ctx, store.DeferralShard(w.user("ann")), time.UnixMilli(5), 1000)
	w.must(err)
	n := 0
	for _, p := range pushes {
		if p.User.Tenant() == w.tenant {
			n++
		}
	}
	out["pushes"] = fmt.Sprint(n)
	return out
}

func nothingOf(w *world) map[string]string {
	w.Helper()
	out := map[string]string{"pushes": "0"}
	for _, id := range []string{"c#1", "c"} {
		out["conversation "+id], out["members "+id], out["batches "+id] = "false", "0", "0"
	}
	for _, u := range []string{"ann", "bob", "eve#", "alone"} {
		out["user "+u] = "0 memberships, 0 devices"
	}
	return out
}

// purgeUser deletes what waits for a user's devices, and takes bodies out of edits whose message is gone.
func purgeUser(t *testing.T, w *world) {
	ctx, ann, bob := w.Context(), w.user("ann"), w.user("bob")
	for i := range 30 {
		for _, u := range []store.User{ann, bob} {
			w.must(w.Defer(ctx, store.Deferral{User: u, Device: "phone", Conv: w.conv("c"), Due: time.UnixMilli(int64(i)), Seq: 1}))
		}
	}
	for _, want := range []int{30, 0} {
		if n, err := w.PurgeDeferrals(ctx, ann); err != nil || n != want {
			t.Errorf("%d deferred pushes deleted, %v; want %d", n, err, want)
		}
	}
	if n, err := w.PurgeDeferrals(ctx, bob); err != nil || n != 30 {
		t.Errorf("another's: %d deleted, %v; want 30", n, err)
	}

	w.create(w.conv("c"), "ann")
	edited := batch(2, 3)
	edited.Entries[1].Kind = &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 2, Body: "secret"}}
	w.must(w.Append(ctx, w.conv("c"), edited, store.AppendOptions{}))
	for range 2 {
		w.must(w.RedactEdits(ctx, w.conv("c"), 2, 3, 99))
	}
	want := proto.CloneOf(edited)
	want.Entries[1].Kind = &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 2, Redacted: true}}
	w.expect(w.read(w.conv("c"), 2, 10), want)
}

func purgeCalls(ctx context.Context, w *world) map[string]error {
	_, devices := w.PurgeDevices(ctx, w.tenant)
	_, deferrals := w.PurgeDeferrals(ctx, w.user("ann"))
	return map[string]error{
		"PurgeConversation": w.PurgeConversation(ctx, w.conv("c"), 1), "PurgeUser": w.PurgeUser(ctx, w.user("ann")), "PurgeDevices": devices,
		"PurgeDeferrals": deferrals, "RedactEdits": w.RedactEdits(ctx, w.conv("c"), 1),
	}
}
