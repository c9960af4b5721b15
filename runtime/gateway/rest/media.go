package rest

import "github.com/chatcluster/chatcluster/runtime/httpapi"

const (
	// maxBody bounds the body of a request: MaxBodyBytes fit however they are escaped.
	maxBody = 128 << 10
	// maxMembersBody bounds one that names members: a group of MaxGroupMembers with long ids fits.
	maxMembersBody = 1 << 20
)

// decode reads the request's one JSON object.
func (c *call) decode(into any, limit int64) error {
	return httpapi.Decode(c.w, c.Request, into, limit)
}
