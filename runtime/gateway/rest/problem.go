package rest

import (
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func refuse(code protocol.Code, detail string) httpapi.Refusal { return httpapi.Refuse(code, detail) }

func invalid(format string, args ...any) httpapi.Refusal { return httpapi.Invalid(format, args...) }

// errNotMember is a conversation that is not the user's, or is none.
var errNotMember = refuse(protocol.CodeNotMember, "")
