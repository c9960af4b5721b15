package storetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func create(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	if _, err := w.Conversation(ctx, c); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before: %v, want ErrNotFound", err)
	}
	conv := store.Conversation{Conv: c, Kind: store.Group, Title: "Tea & cake", CreatedAt: time.UnixMilli(1_700_000_000_123).UTC()}
	members := []store.Member{
		{User: w.user("ann"), Role: store.RoleOwner, Joined: 1},
		{User: w.user("bob"), Role: store.RoleMember, Joined: 1},
	}
	first := batch(1, 1)
	w.must(w.Create(ctx, conv, members, first, store.AppendOptions{}))

	got, err := w.Conversation(ctx, c)
	w.must(err)
	w.same(conv, got)
	stored, err := w.Members(ctx, c)
	w.must(err)
	w.same(members, stored)
	w.expect(w.read(c, 1, 10), first)
	ms, err := w.Memberships(ctx, w.user("bob"))
	w.must(err)
	w.same([]store.Membership{{Conv: c, Joined: 1, Delivered: map[string]uint64{}}}, ms)

	other := conv
	other.Title = "Another"
	late := []store.Member{{User: w.user("eve"), Role: store.RoleOwner, Joined: 1}}
	if err := w.Create(ctx, other, late, batch(1, 1), store.AppendOptions{}); !errors.Is(err, store.ErrExists) {
		t.Errorf("create twice: %v, want ErrExists", err)
	}
	got, err = w.Conversation(ctx, c)
	w.must(err)
	w.same(conv, got)
	if ms, err := w.Memberships(ctx, w.user("eve")); err != nil || len(ms) != 0 {
		t.Errorf("a refused creation left memberships %v, %v", ms, err)
	}
	w.expect(w.read(c, 1, 10), first)
}

func createConcurrent(t *testing.T, w *world) {
	c := w.conv("c")
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			members := []store.Member{{User: w.user(name(i)), Role: store.RoleOwner, Joined: 1}}
			conv := store.Conversation{Conv: c, Kind: store.Direct, CreatedAt: time.UnixMilli(1).UTC()}
			// An unknown outcome (the transactions of others were in the way) is asked again, as a caller would.
			w.eventuallyDefinite(func() error {
				err := w.Create(t.Context(), conv, members, batch(1, 1), store.AppendOptions{})
				if err == nil {
					won.Add(1)
				}
				return err
			}, store.ErrExists)
		})
	}
	wg.Wait()
	members, err := w.Members(w.Context(), c)
	w.must(err)
	if won.Load() != 1 || len(members) != 1 {
		t.Errorf("%d creations won and %d members are stored, want 1 and 1", won.Load(), len(members))
	}
}

func createInvalid(t *testing.T, w *world) {
	c := w.conv("c")
	foreign, err := store.NewUser("someone-else", "ann")
	w.must(err)
	many := make([]store.Member, store.MaxMemberChange+1)
	for i := range many {
		many[i] = store.Member{User: w.user(name(i)), Joined: 1}
	}
	ann := store.Member{User: w.user("ann"), Joined: 1}
	for name, members := range map[string][]store.Member{
		"too many": many, "another tenant's": {{User: foreign, Joined: 1}}, "one twice": {ann, ann},
	} {
		if err := w.Create(w.Context(), store.Conversation{Conv: c}, members, batch(1, 1), store.AppendOptions{}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("create with %s: %v, want ErrInvalid", name, err)
		}
		if err := w.ChangeMembers(w.Context(), c, batch(1, 1), members, store.AppendOptions{}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("change with %s: %v, want ErrInvalid", name, err)
		}
	}
	if err := w.Create(w.Context(), store.Conversation{Conv: c}, nil, batch(2, 1), store.AppendOptions{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a log that starts at 2: %v, want ErrInvalid", err)
	}
	w.must(w.Create(w.Context(), store.Conversation{Conv: c, Kind: store.Group}, many[:store.MaxMemberChange], batch(1, 1), store.AppendOptions{}))
}

// A user leaves, comes back and keeps marks and the earlier stay.
func changeMembers(_ *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	ann, bob, cid := w.user("ann"), w.user("bob"), w.user("cid")
	w.create(c, "ann", "bob")
	w.must(w.RaiseRead(ctx, bob, c, 1))
	w.must(w.RaiseDelivered(ctx, bob, c, "phone", 1))

	left := batch(2, 1)
	changes := []store.MemberChange{{User: bob, Left: 2}, {User: cid, Role: store.RoleMember, Joined: 2}}
	w.must(w.ChangeMembers(ctx, c, left, changes, store.AppendOptions{}))
	members, err := w.Members(ctx, c)
	w.must(err)
	w.same([]store.Member{
		{User: ann, Role: store.RoleMember, Joined: 1},
		{User: bob, Role: store.RoleMember, Joined: 1, Left: 2},
		{User: cid, Role: store.RoleMember, Joined: 2},
	}, members)
	m, err := w.Membership(ctx, bob, c)
	w.must(err)
	w.same(store.Membership{Conv: c, Joined: 1, Left: 2, Delivered: map[string]uint64{"phone": 1}, Read: 1}, m)

	back := batch(3, 1)
	changes = []store.MemberChange{{User: bob, Role: store.RoleAdmin, Joined: 3}}
	w.must(w.ChangeMembers(ctx, c, back, changes, store.AppendOptions{}))
	members, err = w.Members(ctx, c)
	w.must(err)
	w.same(store.Member{User: bob, Role: store.RoleAdmin, Joined: 3}, members[1])
	want := store.Membership{
		Conv: c, Joined: 3, Earlier: []store.Interval{{Joined: 1, Left: 2}}, Delivered: map[string]uint64{"phone": 1}, Read: 1,
	}
	m, err = w.Membership(ctx, bob, c)
	w.must(err)
	w.same(want, m)
	all, err := w.Memberships(ctx, bob)
	w.must(err)
	w.same([]store.Membership{want}, all)
	w.expect(w.read(c, 2, 10), left, back)
}

// renamed is a batch that gives the conversation a title.
func renamed(first uint64, title string) *logpb.Batch {
	b := batch(first, 1)
	b.Entries[0].Kind = &logpb.Entry_Renamed{Renamed: &logpb.Renamed{Title: title}}
	return b
}

// A role and a title change with the entry that says so, and nothing else does.
func changeRolesAndTitle(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	ann, bob, cid := w.user("ann"), w.user("bob"), w.user("cid")
	w.create(c, "ann", "bob", "cid")
	w.must(w.RaiseTail(ctx, c, 1, 0))
	w.must(w.RaiseRead(ctx, bob, c, 1))

	// The owner leaves and another becomes it, in one batch.
	b := batch(2, 2)
	changes := []store.MemberChange{{User: ann, Left: 2}, {User: bob, Role: store.RoleOwner}}
	w.must(w.ChangeMembers(ctx, c, b, changes, store.AppendOptions{}))
	members, err := w.Members(ctx, c)
	w.must(err)
	w.same([]store.Member{
		{User: ann, Role: store.RoleMember, Joined: 1, Left: 2},
		{User: bob, Role: store.RoleOwner, Joined: 1},
		{User: cid, Role: store.RoleMember, Joined: 1},
	}, members)
	m, err := w.Membership(ctx, bob, c)
	w.must(err)
	w.same(store.Membership{Conv: c, Joined: 1, Delivered: map[string]uint64{}, Read: 1}, m)

	w.must(w.ChangeMembers(ctx, c, renamed(4, "Cake & tea"), nil, store.AppendOptions{}))
	conv, err := w.Conversation(ctx, c)
	w.must(err)
	w.same(store.Conversation{Conv: c, Kind: store.Group, Title: "Cake & tea", Tail: 1, CreatedAt: conv.CreatedAt}, conv)

	// On a taken key neither changes.
	changes = []store.MemberChange{{User: cid, Role: store.RoleAdmin}}
	for name, b := range map[string]*logpb.Batch{"role": batch(4, 1), "title": renamed(4, "Neither")} {
		if err := w.ChangeMembers(ctx, c, b, changes, store.AppendOptions{}); !errors.Is(err, store.ErrTaken) {
			t.Errorf("%s on a taken key: %v, want ErrTaken", name, err)
		}
	}
	members, err = w.Members(ctx, c)
	w.must(err)
	w.same(store.Member{User: cid, Role: store.RoleMember, Joined: 1}, members[2])
	conv, err = w.Conversation(ctx, c)
	w.must(err)
	w.same("Cake & tea", conv.Title)

	// Who is no member gets no role, and a conversation that is not there no title; nothing is written.
	changes = []store.MemberChange{{User: w.user("eve"), Role: store.RoleOwner}}
	if err := w.ChangeMembers(ctx, c, batch(5, 1), changes, store.AppendOptions{}); err == nil {
		t.Error("a stranger got a role")
	}
	if err := w.ChangeMembers(ctx, w.conv("none"), renamed(1, "x"), nil, store.AppendOptions{}); err == nil {
		t.Error("a conversation that does not exist got a title")
	}
	w.expect(w.read(c, 5, 1))
	w.expect(w.read(w.conv("none"), 1, 1))
	if _, err := w.Conversation(ctx, w.conv("none")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a title made a conversation: %v", err)
	}
	many := make([]store.MemberChange, store.MaxRoleChange+1)
	for i := range many {
		many[i] = store.MemberChange{User: w.user(name(i)), Role: store.RoleAdmin}
	}
	if err := w.ChangeMembers(ctx, c, batch(5, 1), many, store.AppendOptions{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("too many roles: %v, want ErrInvalid", err)
	}
}

// The largest change that the rules allow is one transaction: 40 leave, others get roles, and the title changes.
func largestChange(_ *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	users := make([]string, store.MaxMemberChange)
	changes := make([]store.MemberChange, 0, store.MaxMemberChange+store.MaxRoleChange)
	for i := range users {
		users[i] = name(i)
		changes = append(changes, store.MemberChange{User: w.user(users[i]), Left: 3})
	}
	w.create(c, users...)
	stay := make([]store.Member, store.MaxRoleChange)
	for i := range stay {
		stay[i] = store.Member{User: w.user(name(100 + i)), Role: store.RoleMember, Joined: 2}
		changes = append(changes, store.MemberChange{User: stay[i].User, Role: store.RoleAdmin})
	}
	w.must(w.ChangeMembers(ctx, c, batch(2, 1), stay, store.AppendOptions{}))
	w.must(w.ChangeMembers(ctx, c, renamed(3, "Few"), changes, store.AppendOptions{Outbox: true}))
	members, err := w.Members(ctx, c)
	w.must(err)
	for i, m := range members {
		want := store.Member{User: m.User, Role: store.RoleMember, Joined: 1, Left: 3}
		if i >= len(users) {
			want = store.Member{User: m.User, Role: store.RoleAdmin, Joined: 2}
		}
		w.same(want, m)
	}
	conv, err := w.Conversation(ctx, c)
	w.must(err)
	w.same("Few", conv.Title)
}

func changeMembersTaken(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	w.create(c, "ann")
	stored := w.append(c, 2, 1)
	changes := []store.MemberChange{{User: w.user("bob"), Role: store.RoleMember, Joined: 2}, {User: w.user("ann"), Left: 2}}
	if err := w.ChangeMembers(ctx, c, batch(2, 1), changes, store.AppendOptions{}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("on a taken key: %v, want ErrTaken", err)
	}
	members, err := w.Members(ctx, c)
	w.must(err)
	w.same([]store.Member{{User: w.user("ann"), Role: store.RoleMember, Joined: 1}}, members)
	if _, err := w.Membership(ctx, w.user("bob"), c); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a refused change left a membership: %v", err)
	}
	w.expect(w.read(c, 2, 10), stored)

	own := batch(3, 1)
	changes = []store.MemberChange{{User: w.user("bob"), Role: store.RoleMember, Joined: 3}}
	w.must(w.ChangeMembers(ctx, c, own, changes, store.AppendOptions{Outbox: true}))
	if err := w.ChangeMembers(ctx, c, clone(own), changes, store.AppendOptions{}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("the same change again: %v, want ErrTaken", err)
	}
	got := w.read(c, 3, 1)
	w.expect(got, own)
	if !got[0].Outbox {
		t.Error("ChangeMembers forgot the outbox mark")
	}
}

// Two pods change members and append at the same key: one wins, and members are what the winner says.
func changeMembersConcurrent(t *testing.T, w *world) {
	c := w.conv("c")
	w.create(c, "ann")
	for seq := uint64(2); seq < 12; seq++ {
		var wg sync.WaitGroup
		batches := []*logpb.Batch{batch(seq, 1), batch(seq, 1), batch(seq, 1)}
		var wins [3]bool
		for i, b := range batches {
			wg.Go(func() {
				w.eventuallyDefinite(func() error {
					var err error
					if i == 2 {
						err = w.Append(t.Context(), c, b, store.AppendOptions{})
					} else {
						user := w.user(name(int(seq)*10 + i))
						err = w.ChangeMembers(t.Context(), c, b, []store.MemberChange{{User: user, Role: store.RoleMember, Joined: seq}}, store.AppendOptions{})
					}
					wins[i] = wins[i] || err == nil
					return err
				}, store.ErrTaken)
			})
		}
		wg.Wait()
		got := w.read(c, seq, 1)
		won := 0
		for i, b := range batches {
			if !wins[i] {
				continue
			}
			won++
			w.expect(got, b)
		}
		if won != 1 {
			t.Fatalf("%d writers won %d", won, seq)
		}
		for i := range 2 {
			_, err := w.Membership(w.Context(), w.user(name(int(seq)*10+i)), c)
			if wins[i] && err != nil || !wins[i] && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("seq %d: writer %d won: %v, its membership: %v", seq, i, wins[i], err)
			}
		}
	}
}

func manyMembers(_ *testing.T, w *world) {
	const many = 5000
	ctx, c := w.Context(), w.conv("c")
	want := make([]store.Member, 0, many)
	for seq := uint64(1); len(want) < many; seq++ {
		changes := make([]store.Member, 0, store.MaxMemberChange)
		for len(changes) < store.MaxMemberChange {
			u := w.user(name(len(want) + len(changes)))
			changes = append(changes, store.Member{User: u, Role: store.RoleMember, Joined: seq})
		}
		want = append(want, changes...)
		if seq == 1 {
			w.must(w.Create(ctx, store.Conversation{Conv: c, Kind: store.Group}, changes, batch(1, 1), store.AppendOptions{}))
			continue
		}
		w.must(w.ChangeMembers(ctx, c, batch(seq, 1), changes, store.AppendOptions{}))
	}
	got, err := w.Members(ctx, c)
	w.must(err)
	w.same(want, got)
}

// Pages hold every member once, whatever their ids are, and none of the conversation's neighbors.
func membersPages(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	var members []store.Member
	for _, id := range hostile {
		members = append(members, store.Member{User: w.user(id), Role: store.RoleMember, Joined: 1})
	}
	w.must(w.Create(ctx, store.Conversation{Conv: c, Kind: store.Group}, members, batch(1, 1), store.AppendOptions{}))
	for _, id := range []string{"b", "c#", "c\u00e9", "d"} {
		w.create(w.conv(id), "neighbor")
	}
	gone := members[0]
	gone.Joined, gone.Left = 1, 2
	w.must(w.ChangeMembers(ctx, c, batch(2, 1), []store.MemberChange{gone}, store.AppendOptions{}))
	want, err := w.Members(ctx, c)
	w.must(err)
	for _, limit := range []int{1, 7, len(want) - 1, len(want), 10_000} {
		var got []store.Member
		for after := ""; ; after = got[len(got)-1].User.ID() {
			page, err := w.MembersPage(ctx, c, after, limit)
			w.must(err)
			if len(page) > limit {
				t.Fatalf("%d members in a page of %d", len(page), limit)
			}
			if got = append(got, page...); len(page) < limit || len(got) > len(want) {
				break
			}
		}
		slices.SortFunc(got, func(a, b store.Member) int { return strings.Compare(a.User.ID(), b.User.ID()) })
		w.same(want, got)
	}
	if page, err := w.MembersPage(ctx, c, "", 0); err != nil || len(page) != 0 {
		t.Errorf("a page of none: %v, %v", page, err)
	}
	if page, err := w.MembersPage(ctx, w.conv("nowhere"), "", 10); err != nil || len(page) != 0 {
		t.Errorf("of a conversation that is not there: %v, %v", page, err)
	}
}

func raiseTail(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	if err := w.RaiseTail(ctx, c, 5, 5); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no conversation: %v, want ErrNotFound", err)
	}
	if _, err := w.Conversation(ctx, c); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a tail made a conversation: %v", err)
	}
	w.create(c, "ann")
	for _, tc := range []struct{ tail, count, wantTail, wantCount uint64 }{
		{5, 4, 5, 4}, {3, 2, 5, 4}, {5, 9, 5, 4}, {9, 7, 9, 7}, {0, 0, 9, 7},
	} {
		w.must(w.RaiseTail(ctx, c, tc.tail, tc.count))
		got, err := w.Conversation(ctx, c)
		w.must(err)
		if got.Tail != tc.wantTail || got.TailCount != tc.wantCount || got.Title != "a title" {
			t.Errorf("after RaiseTail(%d, %d): %+v, want tail %d, count %d", tc.tail, tc.count, got, tc.wantTail, tc.wantCount)
		}
	}
}

// The floor rises for itself: the tail may be above or below it.
func raiseFloor(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	if err := w.RaiseFloor(ctx, c, 5); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no conversation: %v, want ErrNotFound", err)
	}
	if _, err := w.Conversation(ctx, c); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a floor made a conversation: %v", err)
	}
	w.create(c, "ann")
	w.must(w.RaiseTail(ctx, c, 4, 3))
	for _, tc := range []struct{ floor, want uint64 }{{3, 3}, {2, 3}, {9, 9}, {0, 9}} {
		w.must(w.RaiseFloor(ctx, c, tc.floor))
		got, err := w.Conversation(ctx, c)
		w.must(err)
		if got.Floor != tc.want || got.Tail != 4 || got.TailCount != 3 {
			t.Errorf("after RaiseFloor(%d): %+v, want floor %d and the tail as it was", tc.floor, got, tc.want)
		}
	}
}

// eventuallyDefinite calls until the answer is nil or the definite error.
func (w *world) eventuallyDefinite(call func() error, definite error) {
	for range 100 {
		err := call()
		if err == nil || errors.Is(err, definite) {
			return
		}
		if w.Context().Err() != nil {
			return
		}
	}
	w.Errorf("100 calls and none ended with nil or %v", definite)
}
