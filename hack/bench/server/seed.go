package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Tenant is everybody's.
const Tenant = store.Tenant("bench")

// device is everybody's.
const device = "d"

// Seed says which conversations there are before anybody connects: ci with members ui-0, ui-1, …, all of whom have everything up to
// Head confirmed. What has a Missed was sent after that.
type Seed struct {
	// Sizes are how many members each conversation has.
	Sizes  []int
	Missed int
}

// Same is a seed of conversations of one size.
func Same(convs, size int) Seed { return Seed{Sizes: slices.Repeat([]int{size}, convs)} }

// Head is the last seq that everybody has of a conversation: the entries that bring the members.
func Head(size int) uint64 {
	return uint64((size + store.MaxMemberChange - 1) / store.MaxMemberChange)
}

// plant writes the seed, some conversations at a time.
func plant(ctx context.Context, st store.Store, s Seed, atOnce int) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range s.Sizes {
		g.Go(func() error { return s.conversation(ctx, st, i) })
	}
	return g.Wait()
}

func (s Seed) conversation(ctx context.Context, st store.Store, i int) error {
	size, head := s.Sizes[i], Head(s.Sizes[i])
	v, err := store.NewConv(Tenant, fmt.Sprint("c", i))
	if err != nil {
		return err
	}
	kind := store.Group
	if size == 2 {
		kind = store.Direct
	}
	now := time.Now()
	var users []store.User
	for seq, from := uint64(1), 0; from < size; seq, from = seq+1, from+store.MaxMemberChange {
		var members []store.Member
		added := &logpb.MembersAdded{}
		for j := from; j < min(from+store.MaxMemberChange, size); j++ {
			u, err := store.NewUser(Tenant, fmt.Sprintf("u%d-%d", i, j))
			if err != nil {
				return err
			}
			users = append(users, u)
			role := store.RoleMember
			if j == 0 {
				role = store.RoleOwner
			}
			members = append(members, store.Member{User: u, Role: role, Joined: seq})
			added.Members = append(added.Members, &logpb.Member{User: u.ID(), Role: role})
		}
		b := &logpb.Batch{Id: fmt.Appendf(nil, "seed-%d-%d", i, seq), Entries: []*logpb.Entry{{
			Seq: seq, Sender: users[0].ID(), AtMs: now.UnixMilli(), Kind: &logpb.Entry_MembersAdded{MembersAdded: added},
		}}}
		if seq == 1 {
			err = st.Create(ctx, store.Conversation{Conv: v, Kind: kind, CreatedAt: now}, members, b, store.AppendOptions{})
		} else {
			err = st.ChangeMembers(ctx, v, b, members, store.AppendOptions{})
		}
		if err != nil {
			return fmt.Errorf("seed %s: %w", v.ID(), err)
		}
	}
	for _, u := range users {
		if err := st.RaiseDelivered(ctx, u, v, device, head); err != nil {
			return fmt.Errorf("seed %s: %w", v.ID(), err)
		}
		if err := st.RegisterDevice(ctx, u, store.Device{ID: device, Platform: "cli", RegisteredAt: now}); err != nil {
			return fmt.Errorf("seed %s: %w", u.ID(), err)
		}
	}
	return s.miss(ctx, st, v, users, head)
}

// miss appends what everybody has yet to get.
func (s Seed) miss(ctx context.Context, st store.Store, v store.Conv, users []store.User, head uint64) error {
	for n := range s.Missed {
		seq := head + uint64(n) + 1
		b := &logpb.Batch{Id: fmt.Appendf(nil, "missed-%s-%d", v.ID(), seq), Entries: []*logpb.Entry{{
			Seq: seq, Sender: users[n%len(users)].ID(), Device: device, ClientMsgId: fmt.Sprint("missed-", n), AtMs: time.Now().UnixMilli(),
			Count: uint64(n) + 1, Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: missedBody}},
		}}}
		if err := st.Append(ctx, v, b, store.AppendOptions{}); err != nil {
			return fmt.Errorf("seed %s: %w", v.ID(), err)
		}
	}
	return nil
}

// missedBody is 128 bytes.
const missedBody = "missed-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" +
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
