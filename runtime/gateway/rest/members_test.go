package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// crowd is a conversation of very many, and counts how many of them are read.
type crowd struct {
	everything
	members []store.Member
	read    int
}

func (c *crowd) Members(context.Context, store.Conv) ([]store.Member, error) {
	c.read += len(c.members)
	return c.members, nil
}

func (c *crowd) MembersPage(_ context.Context, _ store.Conv, after string, limit int) ([]store.Member, error) {
	from := 0
	if after != "" {
		from = 1 + slices.IndexFunc(c.members, func(m store.Member) bool { return m.User.ID() == after })
	}
	page := c.members[from:min(from+limit, len(c.members))]
	c.read += len(page)
	return page, nil
}

func TestAPageOfAListOfMembersReadsAPage(t *testing.T) {
	const many = 5000
	list := func(left func(i int) bool) []store.Member {
		out := make([]store.Member, many)
		for i := range out {
			u, err := store.NewUser("t", fmt.Sprintf("u%04d", i))
			if err != nil {
				t.Fatal(err)
			}
			out[i] = store.Member{User: u, Role: store.RoleMember, Joined: 1}
			if left(i) {
				out[i].Left = 2
			}
		}
		return out
	}
	nobody := func(int) bool { return false }
	for _, tc := range []struct {
		reason      string
		left        func(i int) bool
		limit, page int
		reads       int
	}{
		{"a small page of many", nobody, 10, 10, 100},
		{"the largest page of many", nobody, 1000, 1000, 1001},
		{"those who have left are passed over", func(i int) bool { return i%2 == 0 }, 100, 100, 303},
		{"few are left at the end", func(i int) bool { return i < many-3 }, 10, 3, many},
	} {
		c := &crowd{members: list(tc.left)}
		api := open(func(o *rest.Options) { o.Store = c })
		var got []string
		for path := "/v1/conversations/room/members?limit=" + strconv.Itoa(tc.limit); ; {
			read := c.read
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			req.Header.Set("Authorization", "Bearer alice")
			res := httptest.NewRecorder()
			api.ServeHTTP(res, req)
			var page protocol.MembersPage
			if err := json.Unmarshal(res.Body.Bytes(), &page); err != nil || res.Code != http.StatusOK {
				t.Fatalf("%s: status %d, %v", tc.reason, res.Code, err)
			}
			if got == nil && (len(page.Members) != tc.page || c.read-read > tc.reads) {
				t.Errorf("%s: %d members for %d read, want %d for %d", tc.reason, len(page.Members), c.read-read, tc.page, tc.reads)
			}
			for _, m := range page.Members {
				got = append(got, m.User)
			}
			if page.Next == "" {
				break
			}
			path = "/v1/conversations/room/members?limit=" + strconv.Itoa(tc.limit) + "&cursor=" + page.Next
		}
		var want []string
		for _, m := range c.members {
			if m.Left == 0 {
				want = append(want, m.User.ID())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: all pages together, -want +got:\n%s", tc.reason, diff)
		}
	}
}
