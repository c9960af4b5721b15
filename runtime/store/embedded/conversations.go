package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Create implements store.Conversations.
func (s *Store) Create(ctx context.Context, c store.Conversation, members []store.Member, first *logpb.Batch, o store.AppendOptions) error {
	if err := errors.Join(store.CheckMembers(c.Conv, members), store.CheckFirst(first)); err != nil {
		return err
	}
	unlock, err := s.lockConv(ctx, c.Conv, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	switch _, err := get(s.db, conversationKey(c.Conv)); {
	case err == nil:
		return store.ErrExists
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return s.commit(func(w *pebble.Batch) error {
		if err := s.putBatch(w, c.Conv, first, o); err != nil {
			return err
		}
		rec := conversationRecord{Kind: c.Kind, Title: c.Title, Tail: c.Tail, TailCount: c.TailCount, CreatedAtMs: c.CreatedAt.UnixMilli()}
		if err := save(w, conversationKey(c.Conv), rec); err != nil {
			return err
		}
		return s.putMembers(w, c.Conv, members)
	})
}

// ChangeMembers implements store.Conversations.
func (s *Store) ChangeMembers(ctx context.Context, c store.Conv, b *logpb.Batch, changes []store.MemberChange, o store.AppendOptions) error {
	if err := errors.Join(store.CheckMembers(c, changes), store.CheckBatch(b)); err != nil {
		return err
	}
	unlock, err := s.lockConv(ctx, c, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	return s.commit(func(w *pebble.Batch) error {
		if err := s.putBatch(w, c, b, o); err != nil {
			return err
		}
		if title, ok := store.NewTitle(b); ok {
			rec, err := load[conversationRecord](s.db, conversationKey(c))
			if err != nil {
				return err
			}
			rec.Title = title
			if err := save(w, conversationKey(c), rec); err != nil {
				return err
			}
		}
		return s.putMembers(w, c, changes)
	})
}

// putMembers adds the members' part of a write to w. The caller holds the conversation's lock.
func (s *Store) putMembers(w *pebble.Batch, c store.Conv, changes []store.MemberChange) error {
	for _, ch := range changes {
		if ch.Stays() {
			member, err := load[memberRecord](s.db, memberKey(c, ch.User))
			if err != nil {
				return err
			}
			member.Role = ch.Role
			if err := save(w, memberKey(c, ch.User), member); err != nil {
				return err
			}
			continue
		}
		member := memberRecord{Role: ch.Role, Joined: ch.Joined, Left: ch.Left}
		if ch.Left != 0 {
			old, err := load[memberRecord](s.db, memberKey(c, ch.User))
			switch {
			case err == nil:
				member.Role, member.Joined = old.Role, old.Joined
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
		}
		rec, err := load[membershipRecord](s.db, membershipKey(ch.User, c))
		fresh := errors.Is(err, store.ErrNotFound)
		if err != nil && !fresh {
			return err
		}
		m := rec.membership(c)
		if fresh {
			m.Joined = ch.Joined
		}
		m.Apply(ch)
		err = errors.Join(save(w, memberKey(c, ch.User), member), save(w, membershipKey(ch.User, c), membershipOf(m)))
		if err != nil {
			return err
		}
	}
	return nil
}

// Conversation implements store.Conversations.
func (s *Store) Conversation(ctx context.Context, c store.Conv) (store.Conversation, error) {
	unlock, err := s.lockConv(ctx, c, 1)
	if err != nil {
		return store.Conversation{}, err
	}
	defer unlock()
	rec, err := load[conversationRecord](s.db, conversationKey(c))
	if err != nil {
		return store.Conversation{}, err
	}
	return store.Conversation{
		Conv: c, Kind: rec.Kind, Title: rec.Title, Tail: rec.Tail, TailCount: rec.TailCount, Floor: rec.Floor,
		CreatedAt: time.UnixMilli(rec.CreatedAtMs).UTC(),
	}, nil
}

// Members implements store.Conversations.
func (s *Store) Members(ctx context.Context, c store.Conv) ([]store.Member, error) {
	unlock, err := s.lockConv(ctx, c, 1)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var members []store.Member
	err = list(s.db, membersPrefix(c), func(id string, rec memberRecord) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := rec.member(c, id)
		members = append(members, m)
		return err
	})
	return members, err
}

// errEnough ends a list early.
var errEnough = errors.New("enough")

// MembersPage implements store.Conversations.
func (s *Store) MembersPage(ctx context.Context, c store.Conv, after string, limit int) ([]store.Member, error) {
	unlock, err := s.lockConv(ctx, c, 1)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if limit <= 0 {
		return nil, nil
	}
	from := membersPrefix(c)
	if after != "" {
		// The key itself ends in NUL: what follows it is the next one's.
		from = append(append(from, after...), 1)
	}
	var members []store.Member
	err = listFrom(s.db, membersPrefix(c), from, func(id string, rec memberRecord) error {
		m, err := rec.member(c, id)
		if err != nil {
			return err
		}
		if members = append(members, m); len(members) == limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return members, nil
}

func membersPrefix(c store.Conv) []byte { return key(kindMember, string(c.Tenant()), c.ID()) }

func (r memberRecord) member(c store.Conv, id string) (store.Member, error) {
	u, err := store.NewUser(c.Tenant(), id)
	if err != nil {
		return store.Member{}, fmt.Errorf("embedded store: member: %w", err)
	}
	return store.Member{User: u, Role: r.Role, Joined: r.Joined, Left: r.Left}, nil
}

// RaiseTail implements store.Conversations.
func (s *Store) RaiseTail(ctx context.Context, c store.Conv, tail, count uint64) error {
	return s.mark(ctx, c, func(rec *conversationRecord) bool {
		higher := tail > rec.Tail
		if higher {
			rec.Tail, rec.TailCount = tail, count
		}
		return higher
	})
}

// RaiseFloor implements store.Conversations.
func (s *Store) RaiseFloor(ctx context.Context, c store.Conv, floor uint64) error {
	return s.mark(ctx, c, func(rec *conversationRecord) bool {
		higher := floor > rec.Floor
		rec.Floor = max(floor, rec.Floor)
		return higher
	})
}

// mark changes the conversation and writes it when change says so.
func (s *Store) mark(ctx context.Context, c store.Conv, change func(*conversationRecord) bool) error {
	unlock, err := s.lockConv(ctx, c, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := load[conversationRecord](s.db, conversationKey(c))
	if err != nil || !change(&rec) {
		return err
	}
	return s.commit(func(w *pebble.Batch) error { return save(w, conversationKey(c), rec) })
}
