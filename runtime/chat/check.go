package chat

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxTraceBytes is more than a W3C trace context takes.
const maxTraceBytes = 64

// check validates what a send says by itself and fills in its user. What the conversation has to say is the lane's part.
func check(in *chatpb.Send, r *request) (conv store.Conv, code protocol.Code, err error) {
	tenant := store.Tenant(in.GetTenant())
	if conv, err = store.NewConv(tenant, in.GetConversation()); err != nil {
		return conv, protocol.CodeInvalid, err
	}
	if r.user, err = store.NewUser(tenant, in.GetUser()); err != nil {
		return conv, protocol.CodeInvalid, err
	}
	if in.GetDevice() != "" {
		if err = store.CheckDevice(in.GetDevice()); err != nil {
			return conv, protocol.CodeInvalid, err
		}
	}
	switch id := in.GetClientMsgId(); {
	case id == "":
		return conv, protocol.CodeInvalid, errors.New("client_msg_id is empty")
	case len(id) > protocol.MaxClientMsgIDBytes:
		return conv, protocol.CodeInvalid, fmt.Errorf("client_msg_id is longer than %d bytes", protocol.MaxClientMsgIDBytes)
	case !utf8.ValidString(id):
		return conv, protocol.CodeInvalid, errors.New("client_msg_id is not UTF-8")
	}
	if len(in.GetTraceParent()) > maxTraceBytes {
		in.TraceParent = "" // a trace is worth no refusal
	}
	if in.GetChange() == nil {
		code, err = protocol.CheckBody(in.GetBody())
		return conv, code, err
	}
	if in.GetBody() != "" {
		return conv, protocol.CodeInvalid, errors.New("a change has no body beside its own")
	}
	code, err = checkChange(in, tenant)
	if err == nil && in.GetErasure() {
		code, err = checkErasure(in)
	}
	return conv, code, err
}

func checkChange(in *chatpb.Send, tenant store.Tenant) (protocol.Code, error) {
	var err error
	switch k := in.GetChange().(type) {
	case *chatpb.Send_Edited:
		if err = checkTarget(k.Edited.GetTarget()); err == nil {
			return protocol.CheckBody(k.Edited.GetBody())
		}
	case *chatpb.Send_Deleted:
		err = checkTarget(k.Deleted.GetTarget())
	case *chatpb.Send_Reacted:
		err = errors.Join(checkTarget(k.Reacted.GetTarget()), protocol.CheckEmoji(k.Reacted.GetEmoji()))
	case *chatpb.Send_MembersAdded:
		err = checkAdded(k.MembersAdded.GetMembers(), tenant)
	case *chatpb.Send_MembersRemoved:
		err = checkUsers(k.MembersRemoved.GetUsers(), tenant)
	case *chatpb.Send_Renamed:
		switch title := k.Renamed.GetTitle(); {
		case title == "":
			err = errors.New("title is empty")
		case len(title) > protocol.MaxTitleBytes:
			err = fmt.Errorf("title is longer than %d bytes", protocol.MaxTitleBytes)
		case !utf8.ValidString(title):
			err = errors.New("title is not UTF-8")
		}
	case *chatpb.Send_RoleChanged:
		if err = checkRole(k.RoleChanged.GetRole()); err == nil {
			_, err = store.NewUser(tenant, k.RoleChanged.GetUser())
		}
	case *chatpb.Send_Verdict:
		err = checkVerdict(k.Verdict)
	default:
		err = errors.New("the change is of a kind that is not known")
	}
	if err != nil {
		return protocol.CodeInvalid, err
	}
	return "", nil
}

func checkTarget(seq uint64) error {
	if seq == 0 {
		return errors.New("target is missing")
	}
	return nil
}

func checkRole(role string) error {
	if role != store.RoleMember && role != store.RoleAdmin && role != store.RoleOwner {
		return errors.New("a member's role is not known")
	}
	return nil
}

func checkAdded(list []*logpb.Member, tenant store.Tenant) error {
	users := make([]string, len(list))
	for i, m := range list {
		users[i] = m.GetUser()
		if m.GetRole() != "" {
			if err := checkRole(m.GetRole()); err != nil {
				return err
			}
		}
	}
	return checkUsers(users, tenant)
}

func checkUsers(users []string, tenant store.Tenant) error {
	switch n := len(users); {
	case n == 0:
		return errors.New("no member is named")
	case n > store.MaxMemberChange:
		return fmt.Errorf("more than %d members at once", store.MaxMemberChange)
	}
	seen := make(map[string]bool, len(users))
	for _, u := range users {
		if _, err := store.NewUser(tenant, u); err != nil {
			return err
		}
		if seen[u] {
			return errors.New("a member is named twice")
		}
		seen[u] = true
	}
	return nil
}

func checkVerdict(v *logpb.Verdict) error {
	if err := checkTarget(v.GetTarget()); err != nil {
		return err
	}
	switch v.GetAction() {
	case protocol.ActionFlag, protocol.ActionMask, protocol.ActionHide, protocol.ActionNone:
	default:
		return errors.New("a verdict's action is not known")
	}
	switch {
	case v.GetProcessor() == "" || len(v.GetProcessor()) > protocol.MaxProcessorBytes || !utf8.ValidString(v.GetProcessor()):
		return fmt.Errorf("a verdict's processor has 1 to %d bytes of UTF-8", protocol.MaxProcessorBytes)
	case len(v.GetReason()) > protocol.MaxReasonBytes || !utf8.ValidString(v.GetReason()):
		return fmt.Errorf("a verdict's reason has at most %d bytes of UTF-8", protocol.MaxReasonBytes)
	case len(v.GetSpans()) > protocol.MaxSpans:
		return fmt.Errorf("a verdict has at most %d spans", protocol.MaxSpans)
	case v.GetAction() == protocol.ActionMask && len(v.GetSpans()) == 0:
		return errors.New("a mask has no spans")
	case v.GetBodyAt() != 0 && v.GetBodyAt() <= v.GetTarget():
		return errors.New("a verdict's body_at is before its target")
	}
	return nil
}
