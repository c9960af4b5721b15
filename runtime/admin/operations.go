package admin

import (
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
)

// Scopes, in a token's `scope`.
const (
	// ScopeModerate reviews, judges and mutes.
	ScopeModerate = "chat.moderate"
	// ScopeAdmin signs users out, erases, exports and holds their data, and reads settings. It reads no messages.
	ScopeAdmin = "chat.admin"
	// ScopeAudit reads the audit log.
	ScopeAudit = "chat.audit"
)

// operation is one thing that the API does.
type operation struct {
	// name is how the audit log calls it.
	name string
	// scopes are those of which the caller needs one.
	scopes []string
	// changes says that do changes something: it calls begin before that.
	changes bool
	// streams says that do answers by itself, with what takes long.
	streams bool
	do      func(*call) (httpapi.Reply, error)
}

var (
	moderators = []string{ScopeModerate}
	admins     = []string{ScopeAdmin}
	both       = []string{ScopeModerate, ScopeAdmin}
	anyone     = []string{ScopeModerate, ScopeAdmin, ScopeAudit}
	auditors   = []string{ScopeAudit}
)

func get(path string) httpapi.Route {
	return httpapi.Route{Method: http.MethodGet, Path: "/admin/v1" + path}
}

func put(path string) httpapi.Route {
	return httpapi.Route{Method: http.MethodPut, Path: "/admin/v1" + path}
}

func post(path string) httpapi.Route {
	return httpapi.Route{Method: http.MethodPost, Path: "/admin/v1" + path}
}

func del(path string) httpapi.Route {
	return httpapi.Route{Method: http.MethodDelete, Path: "/admin/v1" + path}
}

// operations are all that there are.
var operations = map[httpapi.Route]operation{
	get("/users"):                                 {name: "users.search", scopes: both, do: (*call).getUsers},
	get("/users/{user}"):                          {name: "users.show", scopes: both, do: (*call).getUser},
	put("/users/{user}/mute"):                     {name: "users.mute", scopes: both, changes: true, do: (*call).putMute},
	del("/users/{user}/mute"):                     {name: "users.unmute", scopes: both, changes: true, do: (*call).deleteMute},
	post("/users/{user}/revoke"):                  {name: "users.revoke", scopes: admins, changes: true, do: (*call).postRevoke},
	post("/users/{user}/devices/{device}/revoke"): {name: "devices.revoke", scopes: admins, changes: true, do: (*call).postRevokeDevice},
	post("/users/{user}/erasure"):                 {name: "users.erase", scopes: admins, changes: true, do: (*call).postErasure},
	get("/users/{user}/erasure"):                  {name: "erasures.show", scopes: admins, do: (*call).getErasure},
	get("/users/{user}/export"):                   {name: "users.export", scopes: admins, changes: true, streams: true, do: (*call).getExport},

	get("/conversations"):                              {name: "conversations.search", scopes: both, do: (*call).getConversations},
	get("/conversations/{id}"):                         {name: "conversations.show", scopes: both, do: (*call).getConversation},
	get("/conversations/{id}/members"):                 {name: "conversations.members", scopes: both, do: (*call).getMembers},
	post("/conversations/{id}/messages/{seq}/verdict"): {name: "messages.judge", scopes: moderators, changes: true, do: (*call).postVerdict},

	get("/reviews"):                     {name: "reviews.list", scopes: moderators, do: (*call).getReviews},
	get("/reviews/{id}/{seq}"):          {name: "reviews.show", scopes: moderators, do: (*call).getReview},
	get("/reviews/{id}/{seq}/messages"): {name: "reviews.messages", scopes: moderators, do: (*call).getReviewMessages},
	post("/reviews/{id}/{seq}/confirm"): {name: "reviews.confirm", scopes: moderators, changes: true, do: (*call).postConfirm},
	post("/reviews/{id}/{seq}/revert"):  {name: "reviews.revert", scopes: moderators, changes: true, do: (*call).postRevert},

	get("/holds"):        {name: "holds.list", scopes: admins, do: (*call).getHolds},
	put("/holds/{name}"): {name: "holds.place", scopes: admins, changes: true, do: (*call).putHold},
	del("/holds/{name}"): {name: "holds.release", scopes: admins, changes: true, do: (*call).deleteHold},

	get("/stats"):    {name: "stats.show", scopes: anyone, do: (*call).getStats},
	get("/settings"): {name: "settings.show", scopes: admins, do: (*call).getSettings},
	get("/audit"):    {name: "audit.read", scopes: auditors, do: (*call).getAudit},
}
