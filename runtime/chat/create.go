package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// creation is a checked request.
type creation struct {
	conv    store.Conv
	kind    string
	title   string
	creator store.User
	device  string
	members []store.Member // the creator first
}

// CreateConversation creates a conversation, or finds the one that has the id. It returns when all members are in and what
// says so is safe. A call that was cut short is completed by its repetition. Errors: InvalidArgument; AlreadyExists when the
// id is that of one of another kind, or of a group that the creator has made with other members; NotFound when it exists and the creator is no member; PermissionDenied when the creator of a group
// is muted: a title says something; Unavailable, which is to be retried.
func (s *Service) CreateConversation(ctx context.Context, in *chatpb.CreateConversationRequest) (*chatpb.CreateConversationResponse, error) {
	c, err := checkCreation(in)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if s.draining.Load() {
		return nil, status.Error(codes.Unavailable, "the pod is draining")
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.SendTimeout)
	defer cancel()
	s.knowTenant(ctx, c.conv.Tenant())
	if until, muted := s.mutedUntil(c.creator); muted && c.kind == store.Group {
		return nil, status.Error(codes.PermissionDenied, mutedDetail(until))
	}
	created, err := s.create(ctx, c)
	if err != nil {
		s.o.Log.Warn("a conversation is not created", "conversation", c.conv.String(), "error", err)
		return nil, status.Error(codes.Unavailable, "the outcome is not known")
	}
	stored, err := s.o.Store.Conversation(ctx, c.conv)
	if err != nil {
		return nil, status.Error(codes.Unavailable, "the conversation cannot be read")
	}
	complete := created
	if !created {
		if stored.Kind != c.kind {
			return nil, status.Error(codes.AlreadyExists, "the id is that of a conversation of another kind")
		}
		if complete, err = s.mayComplete(ctx, c); err != nil {
			return nil, err
		}
		if complete && c.kind == store.Group {
			if err := s.sameMembers(ctx, c); err != nil {
				return nil, err
			}
		}
	}
	head, err := s.join(ctx, c, complete)
	if err != nil {
		return nil, err
	}
	return &chatpb.CreateConversationResponse{
		Conversation: c.conv.ID(), Kind: stored.Kind, Title: stored.Title, Created: created, Head: head,
	}, nil
}

// create writes the conversation with its first members until the outcome is certain.
func (s *Service) create(ctx context.Context, c creation) (created bool, err error) {
	first := c.first()
	now := s.now()
	id := uuid.New()
	e := membersEntry(first)
	e.Seq, e.Sender, e.Device, e.AtMs = 1, c.creator.ID(), c.device, now.UnixMilli()
	batch := &logpb.Batch{Id: id[:], Entries: []*logpb.Entry{e}}
	conv := store.Conversation{Conv: c.conv, Kind: c.kind, Title: c.title, CreatedAt: now}
	b := newBackoff()
	for attempt := 1; ; attempt++ {
		// Not owed to the outbox: the lane that is opened next publishes it, and who opens it after a crash too.
		err := s.call(ctx, func(ctx context.Context) error {
			return s.o.Store.Create(ctx, conv, first, batch, store.AppendOptions{ExpiresAt: s.expiry(c.conv.Tenant())})
		})
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, store.ErrExists) && attempt == 1:
			return false, nil
		case errors.Is(err, store.ErrExists):
			// It may be our own earlier attempt that landed.
			var page []store.Stored
			err = s.call(ctx, func(ctx context.Context) (err error) {
				page, err = s.o.Store.Read(ctx, c.conv, 1, 1)
				return err
			})
			if err == nil {
				return len(page) > 0 && string(page[0].Batch.GetId()) == string(id[:]), nil
			}
		case errors.Is(err, store.ErrInvalid), errors.Is(err, store.ErrInvalidID):
			return false, err
		}
		if !sleep(ctx, b.NextBackOff()) {
			return false, err
		}
	}
}

// first are the members whom the conversation's first entry names.
func (c creation) first() []store.Member {
	return c.members[:min(len(c.members), store.MaxMemberChange)]
}

func membersEntry(members []store.Member) *logpb.Entry {
	added := &logpb.MembersAdded{}
	for _, m := range members {
		added.Members = append(added.Members, &logpb.Member{User: m.User.ID(), Role: m.Role})
	}
	return &logpb.Entry{Kind: &logpb.Entry_MembersAdded{MembersAdded: added}}
}

// sameMembers refuses to take a call for the repetition of another, as long as the log has the entry that tells.
func (s *Service) sameMembers(ctx context.Context, c creation) error {
	var page []store.Stored
	err := s.call(ctx, func(ctx context.Context) (err error) {
		page, err = s.o.Store.Read(ctx, c.conv, 1, 1)
		return err
	})
	if err != nil {
		return status.Error(codes.Unavailable, "the log cannot be read")
	}
	if len(page) == 0 {
		return nil
	}
	asked, was := membersEntry(c.first()), fold.Entry(page[0].Batch, 1)
	if was != nil && (!namesAll(asked, was) || !namesAll(was, asked)) {
		return status.Error(codes.AlreadyExists, "the id is that of a group with other members")
	}
	return nil
}

// mayComplete says whether the caller made the conversation, so that members who are missing since a crash are added.
func (s *Service) mayComplete(ctx context.Context, c creation) (bool, error) {
	list, err := s.o.Store.Members(ctx, c.conv)
	if err != nil {
		return false, status.Error(codes.Unavailable, "the members cannot be read")
	}
	for _, m := range list {
		if m.User == c.creator && m.Left == 0 {
			return m.Role == store.RoleOwner && m.Joined == 1, nil
		}
	}
	return false, status.Error(codes.NotFound, "no such conversation, or not a member of it")
}

// join brings the members beyond the first ones through the lane, and returns when everything is safe.
func (s *Service) join(ctx context.Context, c creation, complete bool) (head uint64, err error) {
	if rest := c.members[min(len(c.members), store.MaxMemberChange):]; complete {
		for part := range slices.Chunk(rest, store.MaxMemberChange) {
			if _, err := s.ask(ctx, c, addMembers, part); err != nil {
				return 0, err
			}
		}
	}
	return s.ask(ctx, c, barrier, nil)
}

// ask puts a request of our own to the lane and waits for its answer.
func (s *Service) ask(ctx context.Context, c creation, kind requestKind, members []store.Member) (seq uint64, err error) {
	answer := make(chan *chatpb.Result, 1)
	s.submit(c.conv, &request{
		kind: kind, user: c.creator, device: c.device, members: members, deadline: s.now().Add(s.o.SendTimeout),
		answer: func(r *chatpb.Result) { answer <- r },
	})
	select {
	case r := <-answer:
		switch code := protocol.Code(r.GetCode()); code {
		case "":
			return r.GetSeq(), nil
		case protocol.CodeInvalid:
			return 0, status.Error(codes.InvalidArgument, r.GetDetail())
		default:
			return 0, status.Error(codes.Unavailable, r.GetDetail())
		}
	case <-ctx.Done():
		return 0, status.FromContextError(ctx.Err()).Err()
	case <-s.life.Done():
		return 0, status.Error(codes.Unavailable, "the pod is shutting down")
	}
}

// call gives one call of the store its deadline.
func (s *Service) call(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.StoreTimeout)
	defer cancel()
	return f(ctx)
}

func checkCreation(in *chatpb.CreateConversationRequest) (c creation, err error) {
	tenant := store.Tenant(in.GetTenant())
	if c.conv, err = store.NewConv(tenant, in.GetConversation()); err != nil {
		return c, err
	}
	if c.creator, err = store.NewUser(tenant, in.GetCreator()); err != nil {
		return c, err
	}
	if in.GetDevice() != "" {
		if err := store.CheckDevice(in.GetDevice()); err != nil {
			return c, err
		}
	}
	c.kind, c.title, c.device = in.GetKind(), in.GetTitle(), in.GetDevice()
	if len(c.title) > protocol.MaxTitleBytes {
		return c, fmt.Errorf("title is longer than %d bytes", protocol.MaxTitleBytes)
	}
	creatorRole := store.RoleOwner
	switch n := len(in.GetMembers()); {
	case c.kind != store.Direct && c.kind != store.Group:
		return c, fmt.Errorf("kind is neither %s nor %s", store.Direct, store.Group)
	case c.kind == store.Direct && n != 2:
		return c, errors.New("a direct conversation has two members")
	case n > protocol.MaxGroupMembers:
		return c, fmt.Errorf("a group has at most %d members", protocol.MaxGroupMembers)
	}
	if c.kind == store.Direct {
		creatorRole = store.RoleMember
	}
	c.members = []store.Member{{User: c.creator, Role: creatorRole, Joined: 1}}
	seen := map[store.User]bool{}
	for _, m := range in.GetMembers() {
		user, err := store.NewUser(tenant, m.GetUser())
		if err != nil {
			return c, err
		}
		if seen[user] {
			return c, errors.New("a member is named twice")
		}
		seen[user] = true
		role := m.GetRole()
		if role == "" || c.kind == store.Direct {
			role = store.RoleMember
		}
		if role != store.RoleMember && role != store.RoleAdmin && role != store.RoleOwner {
			return c, errors.New("a member's role is not known")
		}
		if user != c.creator {
			c.members = append(c.members, store.Member{User: user, Role: role, Joined: 1})
		}
	}
	if !seen[c.creator] {
		return c, errors.New("the creator is not among the members")
	}
	return c, nil
}
