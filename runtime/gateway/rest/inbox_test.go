package rest_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestAnInboxIsAskedForByPageAndArchive(t *testing.T) {
	w := gatewaytest.New(t)
	var asked []rest.InboxQuery
	w.Inbox = func(_ context.Context, _ store.User, q rest.InboxQuery) (protocol.InboxPage, error) {
		asked = append(asked, q)
		return protocol.InboxPage{}, nil
	}
	url := w.Gateway("g1", nil).URL
	for _, query := range []string{"", "?limit=7&cursor=c", "?archived=true", "?archived=false"} {
		get[protocol.InboxPage](t, url, "/v1/inbox"+query, "alice")
	}
	want := []rest.InboxQuery{{Limit: 50}, {Limit: 7, Cursor: "c"}, {Limit: 50, Archived: true}, {Limit: 50}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: "/v1/inbox?archived=maybe", token: "alice"}), protocol.CodeInvalid, "yes or no")
}
