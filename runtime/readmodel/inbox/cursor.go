package inbox

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// ErrBadCursor is wrapped for a cursor that no page gave out.
var ErrBadCursor = errors.New("the cursor is not one of this inbox")

// position is a conversation's place in the order of an inbox.
type position struct {
	atMS         int64
	conversation string
}

// compare is negative when p comes first: the later activity, then the lower id.
func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(q.atMS, p.atMS), cmp.Compare(p.conversation, q.conversation))
}

func (p position) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.atMS, 10) + " " + p.conversation))
}

func parseCursor(t store.Tenant, cursor string) (position, error) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, fmt.Errorf("%w: not base64url", ErrBadCursor)
	}
	at, conversation, _ := strings.Cut(string(data), " ")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return position{}, fmt.Errorf("%w: no time in it", ErrBadCursor)
	}
	if _, err := store.NewConv(t, conversation); err != nil {
		return position{}, fmt.Errorf("%w: no conversation in it", ErrBadCursor)
	}
	return position{ms, conversation}, nil
}
