package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// patience is how long the suite waits for what a store may do late, such as an index that follows its table.
const patience = 20 * time.Second

// Run runs the suite. open returns a store and leaves its closing to t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	tests := []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"AppendAndRead", appendAndRead},
		{"AppendTaken", appendTaken},
		{"AppendInvalid", appendInvalid},
		{"AppendConcurrent", appendConcurrent},
		{"AppendLarge", appendLarge},
		{"ReadFromTheMiddle", readFromTheMiddle},
		{"ReadBuckets", readBuckets},
		{"ReadPages", readPages},
		{"ReadKeepsExpired", readKeepsExpired},
		{"Outbox", outbox},
		{"OutboxInTheAppend", outboxInTheAppend},
		{"OutboxLimit", outboxLimit},
		{"Fold", foldEntries},
		{"FoldNothing", foldNothing},
		{"FoldConcurrent", foldConcurrent},
		{"FoldLarge", foldLarge},
		{"Preferences", preferences},
		{"PreferencesWithoutMembership", preferencesWithoutMembership},
		{"Create", create},
		{"CreateConcurrent", createConcurrent},
		{"CreateInvalid", createInvalid},
		{"ChangeMembers", changeMembers},
		{"ChangeMembersTaken", changeMembersTaken},
		{"ChangeMembersConcurrent", changeMembersConcurrent},
		{"ChangeRolesAndTitle", changeRolesAndTitle},
		{"LargestChange", largestChange},
		{"ManyMembers", manyMembers},
		{"MembersPages", membersPages},
		{"RaiseTail", raiseTail},
		{"RaiseFloor", raiseFloor},
		{"Marks", marks},
		{"MarksConcurrent", marksConcurrent},
		{"MarksWithoutMembership", marksWithoutMembership},
		{"ManyMemberships", manyMemberships},
		{"Devices", devices},
		{"RegisteredDevices", registeredDevices},
		{"DeviceLocales", deviceLocales},
		{"PushTokens", pushTokens},
		{"DevicePreferences", devicePreferences},
		{"RemovedDevices", removedDevices},
		{"Strikes", strikes},
		{"StrikesConcurrent", strikesConcurrent},
		{"Revocations", revocations},
		{"RevocationsInvalid", revocationsInvalid},
		{"Mutes", mutes},
		{"MutesInvalid", mutesInvalid},
		{"Deferrals", deferrals},
		{"HostileDeferrals", hostileDeferrals},
		{"DeferralsRefused", deferralsRefused},
		{"HostileIDs", hostileIDs},
		{"Tenants", tenants},
		{"TenantRecords", tenantRecords},
		{"TenantIssuers", tenantIssuers},
		{"TenantsConcurrent", tenantsConcurrent},
		{"PurgeNotes", purgeNotes},
		{"Walk", walk},
		{"Purge", purge},
		{"PurgeUser", purgeUser},
		{"ContextEnded", contextEnded},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			tc.test(t, &world{T: t, Store: open(t), tenant: store.Tenant("t-" + uuid.NewString()[:13])})
		})
	}
}

// world is what a test works in: a store and a tenant that nobody else has.
type world struct {
	*testing.T
	store.Store
	tenant store.Tenant
}

func (w *world) conv(id string) store.Conv {
	w.Helper()
	c, err := store.NewConv(w.tenant, id)
	w.must(err)
	return c
}

func (w *world) user(id string) store.User {
	w.Helper()
	u, err := store.NewUser(w.tenant, id)
	w.must(err)
	return u
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// batch returns n entries from first on, with an id of its own.
func batch(first uint64, n int) *logpb.Batch {
	id := uuid.New()
	b := &logpb.Batch{Id: id[:]}
	for i := range n {
		seq := first + uint64(i)
		b.Entries = append(b.Entries, &logpb.Entry{
			Seq: seq, Sender: "ann", ClientMsgId: fmt.Sprint("m", seq), AtMs: 1_700_000_000_000, Count: seq,
			Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: fmt.Sprint("message ", seq)}},
		})
	}
	return b
}

// append appends n entries from first on and returns their batch.
func (w *world) append(c store.Conv, first uint64, n int) *logpb.Batch {
	w.Helper()
	b := batch(first, n)
	w.must(w.Append(w.Context(), c, b, store.AppendOptions{}))
	return b
}

func (w *world) read(c store.Conv, from uint64, limit int) []store.Stored {
	w.Helper()
	got, err := w.Read(w.Context(), c, from, limit)
	w.must(err)
	return got
}

// create makes a group of the named users, all of them joined at 1.
func (w *world) create(c store.Conv, users ...string) {
	w.Helper()
	members := make([]store.Member, 0, len(users))
	for _, u := range users {
		members = append(members, store.Member{User: w.user(u), Role: store.RoleMember, Joined: 1})
	}
	conv := store.Conversation{Conv: c, Kind: store.Group, Title: "a title", CreatedAt: time.UnixMilli(1_700_000_000_123).UTC()}
	w.must(w.Create(w.Context(), conv, members, batch(1, 1), store.AppendOptions{}))
}

// expect compares what is stored with the batches.
func (w *world) expect(got []store.Stored, want ...*logpb.Batch) {
	w.Helper()
	batches := make([]*logpb.Batch, 0, len(got))
	for _, s := range got {
		batches = append(batches, s.Batch)
	}
	if want == nil {
		want = []*logpb.Batch{}
	}
	w.same(want, batches)
}

// same compares any two values of the suite's types.
func (w *world) same(want, got any) {
	w.Helper()
	opts := cmp.Options{protocmp.Transform(), cmp.AllowUnexported(store.Conv{}, store.User{})}
	if d := cmp.Diff(want, got, opts); d != "" {
		w.Fatalf("(-want +got):\n%s", d)
	}
}

// eventually waits until the condition holds.
func (w *world) eventually(what string, holds func(context.Context) bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			w.Fatalf("waited %v in vain until %s", patience, what)
		case <-tick.C:
		}
	}
}
