package chat

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// instantKafka accepts everything and keeps nothing.
type instantKafka struct{}

func (instantKafka) PublishBatch(_ store.Conv, _ string, _ *logpb.Batch, done func(error)) { done(nil) }

// BenchmarkSend is one message of 128 bytes through the stream, the lane and the embedded store and back, with 256 on the
// way over 64 conversations.
func BenchmarkSend(b *testing.B) {
	const convs, inFlight = 64, 256
	st, err := embedded.Open("db", embedded.Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer closeIt(b, st)
	for i := range convs {
		c := convOf(b, fmt.Sprint("c", i))
		first := &logpb.Batch{Id: []byte("creation"), Entries: []*logpb.Entry{{Seq: 1, Sender: "ann", Kind: &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{}}}}}
		if err := st.Create(b.Context(), store.Conversation{Conv: c, Kind: store.Group}, []store.Member{{User: userOf(b, "ann"), Joined: 1}}, first, store.AppendOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	s, err := New(Options{Pod: "chat-0", Store: st, Publisher: instantKafka{}, Tunables: Tunables{LaneBytesPerSecond: 1 << 30, LaneEntriesPerSecond: 1e6, UserEntriesPerSecond: 1e6}})
	if err != nil {
		b.Fatal(err)
	}
	lis := bufconn.Listen(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, lis) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	cc, err := grpc.NewClient("passthrough:///pod", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		b.Fatal(err)
	}
	defer closeIt(b, cc)
	stream, err := chatpb.NewChatClient(cc).Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := stream.Send(&chatpb.GatewayFrame{Hello: &chatpb.GatewayHello{Gateway: "gw"}}); err != nil {
		b.Fatal(err)
	}
	body := string(make([]byte, 128))
	free := inFlight
	answered := 0
	b.ReportAllocs()
	for sent := 0; answered < b.N; {
		f := &chatpb.GatewayFrame{}
		for ; free > 0 && sent < b.N; free-- {
			f.Sends = append(f.Sends, &chatpb.Send{
				Ref: uint64(sent), Tenant: tenant, Conversation: fmt.Sprint("c", sent%convs), User: "ann", Device: "phone",
				ClientMsgId: fmt.Sprint(sent), AfterSeq: seq(1), Body: body,
			})
			sent++
		}
		if len(f.Sends) > 0 {
			if err := stream.Send(f); err != nil {
				b.Fatal(err)
			}
		}
		in, err := stream.Recv()
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range in.GetResults() {
			if r.GetCode() != "" {
				b.Fatalf("%v", r)
			}
			answered++
			free++
		}
	}
}
