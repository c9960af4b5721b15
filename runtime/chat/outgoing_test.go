package chat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

func delivered(seq uint64, size int) *chatpb.Deliver {
	return &chatpb.Deliver{Tenant: tenant, Conversation: "c", Batch: &logpb.Batch{Id: []byte("b"), Entries: []*logpb.Entry{{
		Seq: seq, Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: strings.Repeat("b", size)}},
	}}}}
}

func TestASlowGatewayLosesDeliveriesAndLearnsTheHead(t *testing.T) {
	o := newOutgoing("gw", 1000)
	var kept []bool
	for seq := range uint64(4) {
		d := delivered(seq+1, 400)
		kept = append(kept, o.deliver(d, proto.Size(d)))
	}
	if diff := cmp.Diff([]bool{true, true, false, false}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	f, ok := o.frame()
	if !ok || len(f.GetDeliveries()) != 2 {
		t.Fatalf("got %v, want two deliveries", f)
	}
	if diff := cmp.Diff([]*chatpb.Head{{Tenant: tenant, Conversation: "c", Seq: 4}}, f.GetHeads(), protocmp.Transform()); diff != "" {
		t.Errorf("heads (-want +got):\n%s", diff)
	}
	if f, ok := o.frame(); f != nil || !ok {
		t.Errorf("a second frame: got %v, want none", f)
	}
	large := delivered(5, 5000)
	if !o.deliver(large, proto.Size(large)) {
		t.Error("a delivery over the limit is never let through, even alone")
	}
}

func TestResultsAreNeverLostSilently(t *testing.T) {
	const room = 10
	o := newOutgoing("gw", 2*room*resultBytes)
	for i := range uint64(room) {
		o.result(&chatpb.Result{Ref: i})
	}
	if f, ok := o.frame(); !ok || len(f.GetResults()) != room {
		t.Fatalf("got %v, want %d results", f, room)
	}
	for i := range uint64(room + 1) {
		o.result(&chatpb.Result{Ref: i})
	}
	if _, ok := o.frame(); ok {
		t.Error("one result too many: the stream goes on")
	}
}

func TestFramesAreBounded(t *testing.T) {
	o := newOutgoing("gw", 64<<20)
	const n = 100
	for i := range uint64(n) {
		d := delivered(i+1, 64<<10)
		o.deliver(d, proto.Size(d))
	}
	next := uint64(1)
	for {
		f, ok := o.frame()
		if !ok {
			t.Fatal("overflow")
		}
		if f == nil {
			break
		}
		if size := proto.Size(f); size > maxSend {
			t.Errorf("a frame of %d bytes, want at most %d", size, maxSend)
		}
		for _, d := range f.GetDeliveries() {
			if got := d.GetBatch().GetEntries()[0].GetSeq(); got != next {
				t.Fatalf("seq %d where %d is due", got, next)
			}
			next++
		}
	}
	if next != n+1 {
		t.Errorf("%d deliveries, want %d", next-1, n)
	}
}

func TestHeadsCoalesce(t *testing.T) {
	cases := map[string]struct {
		reason string
		heads  []*chatpb.Head
		want   *chatpb.Head
	}{
		"Higher":    {"Only the highest matters.", []*chatpb.Head{{Seq: 1}, {Seq: 3}, {Seq: 2}}, &chatpb.Head{Seq: 3}},
		"KeepsWho":  {"Who joined is not lost to a head that names nobody.", []*chatpb.Head{{Seq: 1, Joined: []string{"ann"}}, {Seq: 2}}, &chatpb.Head{Seq: 2, Joined: []string{"ann"}}},
		"NewerWho":  {"A newer head names who joined since.", []*chatpb.Head{{Seq: 1}, {Seq: 2, Joined: []string{"ann"}}}, &chatpb.Head{Seq: 2, Joined: []string{"ann"}}},
		"SameAgain": {"An announcement is repeated.", []*chatpb.Head{{Seq: 2}, {Seq: 2}}, &chatpb.Head{Seq: 2}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := newOutgoing("gw", 1000)
			for _, h := range tc.heads {
				o.head(h)
			}
			f, _ := o.frame()
			if diff := cmp.Diff([]*chatpb.Head{tc.want}, f.GetHeads(), protocmp.Transform()); diff != "" {
				t.Errorf("%s\nheads (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
