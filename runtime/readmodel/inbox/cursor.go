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

// How a cursor begins.
const (
	pinned = "p "
	rest   = "r "
)

// position is a conversation's place in the order of an inbox.
type position struct {
	pinned       bool
	atMS         int64
	conversation string
}

// compare is negative when p comes first: what is pinned, then the later activity, then the lower id.
func (p position) compare(q position) int {
	if p.pinned != q.pinned {
		if p.pinned {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(q.atMS, p.atMS), cmp.Compare(p.conversation, q.conversation))
}

func (p position) cursor() string {
	group := rest
	if p.pinned {
		group = pinned
	}
	return base64.RawURLEncoding.EncodeToString([]byte(group + strconv.FormatInt(p.atMS, 10) + " " + p.conversation))
}

func parseCursor(t store.Tenant, cursor string) (position, error) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, fmt.Errorf("%w: not base64url", ErrBadCursor)
	}
	text, first := strings.CutPrefix(string(data), pinned)
	text, second := strings.CutPrefix(text, rest)
	if first == second {
		return position{}, fmt.Errorf("%w: no group in it", ErrBadCursor)
	}
	at, conversation, _ := strings.Cut(text, " ")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return position{}, fmt.Errorf("%w: no time in it", ErrBadCursor)
	}
	if _, err := store.NewConv(t, conversation); err != nil {
		return position{}, fmt.Errorf("%w: no conversation in it", ErrBadCursor)
	}
	return position{first, ms, conversation}, nil
}
