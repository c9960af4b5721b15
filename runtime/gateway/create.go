package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

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
	// maxIdempotencyKey bounds the Idempotency-Key header.
	maxIdempotencyKey = 256
)

// postConversation creates a conversation. The id follows from what is asked for, so asking again finds the same one.
func (g *Gateway) postConversation(w http.ResponseWriter, r *http.Request, p Principal) {
	var body protocol.CreateConversation
	if !readBody(w, r, &body) {
		return
	}
	req, detail := newConversation(p.User, body, r.Header.Get("Idempotency-Key"))
	if detail != "" {
		problem(w, protocol.CodeInvalid, detail)
		return
	}
	res, err := g.chat.Create(r.Context(), req)
	if err != nil {
		g.createFailed(w, r, err)
		return
	}
	if !res.GetCreated() && (res.GetKind() != req.GetKind() || (req.GetKind() == store.Group && res.GetTitle() != req.GetTitle())) {
		problem(w, protocol.CodeConflict, "the Idempotency-Key was used for another conversation")
		return
	}
	code := http.StatusOK
	if res.GetCreated() {
		code = http.StatusCreated
	}
	answer(w, code, protocol.Conversation{
		ID: res.GetConversation(), Kind: res.GetKind(), Title: res.GetTitle(), Created: res.GetCreated(),
	})
}

func (g *Gateway) createFailed(w http.ResponseWriter, r *http.Request, err error) {
	switch status.Code(err) {
	case codes.InvalidArgument:
		problem(w, protocol.CodeInvalid, status.Convert(err).Message())
	case codes.NotFound:
		problem(w, protocol.CodeNotMember, "")
	case codes.AlreadyExists:
		problem(w, protocol.CodeConflict, "")
	case codes.ResourceExhausted:
		problem(w, protocol.CodeBusy, "")
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted:
		problem(w, protocol.CodeUnavailable, "")
	default:
		if errors.Is(err, chatpool.ErrNoPod) {
			problem(w, protocol.CodeUnavailable, "")
			return
		}
		g.failed(w, r, "a conversation could not be created", err)
	}
}

// newConversation checks a request and says what is wrong with it, if anything.
func newConversation(by store.User, b protocol.CreateConversation, key string) (*chatpb.CreateConversationRequest, string) {
	req := &chatpb.CreateConversationRequest{Tenant: string(by.Tenant()), Kind: b.Kind, Creator: by.ID()}
	switch b.Kind {
	case store.Direct:
		other, err := store.NewUser(by.Tenant(), b.User)
		switch {
		case err != nil:
			return nil, "user: " + err.Error()
		case other == by:
			return nil, "user is yourself"
		case b.Title != "" || len(b.Members) > 0:
			return nil, "a direct conversation has neither title nor members"
		}
		req.Conversation = directID(by.ID(), other.ID())
		req.Members = []*logpb.Member{{User: by.ID(), Role: store.RoleMember}, {User: other.ID(), Role: store.RoleMember}}
	case store.Group:
		switch {
		case b.User != "":
			return nil, "a group has members, not a user"
		case len(b.Title) > protocol.MaxTitleBytes:
			return nil, "title is too long"
		case !utf8.ValidString(b.Title):
			return nil, "title is not UTF-8"
		case len(key) > maxIdempotencyKey:
			return nil, "Idempotency-Key is too long"
		}
		req.Conversation, req.Title = groupID(by.ID(), key), b.Title
		req.Members = []*logpb.Member{{User: by.ID(), Role: store.RoleOwner}}
		seen := map[string]bool{by.ID(): true}
		for _, id := range b.Members {
			if _, err := store.NewUser(by.Tenant(), id); err != nil {
				return nil, "members: " + err.Error()
			}
			if !seen[id] {
				seen[id] = true
				req.Members = append(req.Members, &logpb.Member{User: id, Role: store.RoleMember})
			}
		}
		if len(req.Members) > protocol.MaxGroupMembers {
			return nil, "too many members"
		}
	default:
		return nil, "kind is neither direct nor group"
	}
	return req, ""
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

// isDirect goes by the id, which createConversation alone gives out.
func isDirect(v store.Conv) bool { return strings.HasPrefix(v.ID(), directPrefix) }
