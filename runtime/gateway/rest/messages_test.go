package rest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func TestHistoryPages(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice")
	w.Say(v, "alice", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	cases := map[string]struct {
		query string
		want  []uint64
		more  bool
	}{
		"Newest": {"limit=3", gatewaytest.Range(8, 10), true},
		"Before": {"before=8&limit=3", gatewaytest.Range(5, 7), true},
		"After":  {"after=8&limit=3", gatewaytest.Range(9, 10), false},
		"Start":  {"before=3", gatewaytest.Range(1, 2), false},
		"Beyond": {"after=100", []uint64{}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			page := get[protocol.HistoryPage](t, g.URL, "/v1/conversations/room/messages?"+tc.query, "alice")
			if diff := cmp.Diff(tc.want, gatewaytest.Seqs(page.Entries)); diff != "" || page.More != tc.more {
				t.Errorf("more = %t, -want +got:\n%s", page.More, diff)
			}
		})
	}
}
