package rest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	directPrefix = "d-"
	groupPrefix  = "g-"

	otherConversation = "the Idempotency-Key was used for another conversation"
)

// postConversation creates a conversation. The id follows from what is asked for, so asking again finds the same one.
func (a *API) postConversation(c *call) (reply, error) {
	var body protocol.CreateConversation
	if err := c.decode(&body, maxMembersBody); err != nil {
		return reply{}, err
	}
	key, err := c.idempotencyKey()
	if err != nil {
		return reply{}, err
	}
	req, err := newConversation(c.User, body, key)
	if err != nil {
		return reply{}, err
	}
	res, err := a.o.Chat.Create(c.Context(), req)
	if err != nil {
		return reply{}, createFailed(err)
	}
	if !res.GetCreated() && (res.GetKind() != req.GetKind() || (req.GetKind() == store.Group && res.GetTitle() != req.GetTitle())) {
		return reply{}, refuse(protocol.CodeKeyReused, otherConversation)
	}
	code := http.StatusOK
	if res.GetCreated() {
		code = http.StatusCreated
	}
	return reply{status: code, body: protocol.Conversation{
		ID: res.GetConversation(), Kind: res.GetKind(), Title: res.GetTitle(), Created: res.GetCreated(),
	}}, nil
}

func createFailed(err error) error {
	if errors.Is(err, chatpool.ErrNoPod) {
		return refuse(protocol.CodeUnavailable, "")
	}
	switch status.Code(err) {
	case codes.InvalidArgument:
		return invalid("%s", status.Convert(err).Message())
	case codes.NotFound:
		return errNotMember
	case codes.PermissionDenied:
		return refuse(protocol.CodeMuted, status.Convert(err).Message())
	case codes.AlreadyExists:
		return refuse(protocol.CodeKeyReused, otherConversation)
	case codes.ResourceExhausted:
		return refuse(protocol.CodeBusy, "")
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted:
		return refuse(protocol.CodeUnavailable, "")
	default:
		return fmt.Errorf("create a conversation: %w", err)
	}
}

// newConversation checks a request.
func newConversation(by store.User, b protocol.CreateConversation, key string) (*chatpb.CreateConversationRequest, error) {
	req := &chatpb.CreateConversationRequest{Tenant: string(by.Tenant()), Kind: b.Kind, Creator: by.ID()}
	switch b.Kind {
	case store.Direct:
		other, err := store.NewUser(by.Tenant(), b.User)
		switch {
		case err != nil:
			return nil, invalid("user: %v", err)
		case other == by:
			return nil, invalid("user is yourself")
		case b.Title != "" || len(b.Members) > 0:
			return nil, invalid("a direct conversation has neither title nor members")
		}
		req.Conversation = directID(by.ID(), other.ID())
		req.Members = []*logpb.Member{{User: by.ID(), Role: store.RoleMember}, {User: other.ID(), Role: store.RoleMember}}
	case store.Group:
		switch {
		case b.User != "":
			return nil, invalid("a group has members, not a user")
		case len(b.Title) > protocol.MaxTitleBytes:
			return nil, invalid("title is longer than %d bytes", protocol.MaxTitleBytes)
		}
		req.Conversation, req.Title = groupID(by.ID(), key), b.Title
		req.Members = []*logpb.Member{{User: by.ID(), Role: store.RoleOwner}}
		seen := map[string]bool{by.ID(): true}
		for _, id := range b.Members {
			if _, err := store.NewUser(by.Tenant(), id); err != nil {
				return nil, invalid("members: %v", err)
			}
			if !seen[id] {
				seen[id] = true
				req.Members = append(req.Members, &logpb.Member{User: id, Role: store.RoleMember})
			}
		}
		if len(req.Members) > protocol.MaxGroupMembers {
			return nil, invalid("a group has at most %d members", protocol.MaxGroupMembers)
		}
	default:
		return nil, invalid("kind is neither direct nor group")
	}
	return req, nil
}

// directID is the one conversation of two users, whoever asks.
func directID(a, b string) string { return directPrefix + digest(min(a, b), max(a, b)) }

// groupID is the same for the same creator and key; without a key it is new each time.
func groupID(creator, key string) string {
	if key == "" {
		return groupPrefix + strings.ToLower(rand.Text())
	}
	return groupPrefix + digest(creator, key)
}

// digest names a pair in 26 characters (130 bits). The separator is in no id.
func digest(a, b string) string {
	sum := sha256.Sum256([]byte(a + "\x00" + b))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}

// DirectID is the id of the direct conversation of two users.
func DirectID(a, b string) string { return directID(a, b) }

// IsDirect goes by the id, which this package alone gives out.
func IsDirect(v store.Conv) bool { return strings.HasPrefix(v.ID(), directPrefix) }
