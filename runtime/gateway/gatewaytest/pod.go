package gatewaytest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Pod is a chat pod that commits to the world's store, and does as it is told.
type Pod struct {
	chatpb.UnimplementedChatServer
	Name   string
	w      *World
	addr   string
	server *grpc.Server
	listed bool // World.mu

	mu      sync.Mutex
	streams map[*podStream]struct{}
	mute    bool
	before  func(*chatpb.Send) *chatpb.Result
	after   func(*chatpb.Send) bool
	sends   []*chatpb.Send
	last    map[sender]string // the client_msg_id of what was taken last
}

// sender is a device in a conversation.
type sender struct{ tenant, conversation, user, device string }

// podStream serializes what goes to one gateway.
type podStream struct {
	instance string
	mu       sync.Mutex
	s        chatpb.Chat_ConnectServer
}

func (s *podStream) send(f *chatpb.ChatFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.s.Send(f) // a stream that broke shows where it receives
}

// Pod starts a chat pod.
func (w *World) Pod(name string) *Pod {
	w.T.Helper()
	port := w.servicePort()
	w.mu.Lock()
	w.next++
	addr := loopback(w.next)
	w.mu.Unlock()
	p := &Pod{Name: name, w: w, addr: addr, streams: map[*podStream]struct{}{}, last: map[sender]string{}}
	p.start(port)
	return p
}

func (p *Pod) start(port string) {
	p.w.T.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(p.addr, port))
	if err != nil {
		p.w.T.Fatal(err)
	}
	server := grpc.NewServer()
	chatpb.RegisterChatServer(server, p)
	go func() { _ = server.Serve(ln) }()
	p.w.T.Cleanup(server.Stop)
	p.w.mu.Lock()
	p.server, p.listed = server, true
	p.w.pods[p.addr] = p
	p.w.mu.Unlock()
}

// Kill breaks every stream and takes the pod off the Service.
func (p *Pod) Kill() {
	p.Unlist()
	p.Break()
}

// Break breaks every stream; the pod stays listed and unreachable until Restart.
func (p *Pod) Break() {
	p.w.mu.Lock()
	server := p.server
	p.w.mu.Unlock()
	server.Stop()
}

// Restart has a broken pod listen again, under the same name and address.
func (p *Pod) Restart() { p.start(p.w.servicePort()) }

// Unlist takes the pod off the Service; its streams stay.
func (p *Pod) Unlist() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.listed = false
}

// Mute has the pod lose its deliveries, or no more. Heads still go out.
func (p *Pod) Mute(mute bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = mute
}

// Before sees every send first. A result answers it without a commit.
func (p *Pod) Before(f func(*chatpb.Send) *chatpb.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = f
}

// After sees every send that was committed. False: it gets no answer.
func (p *Pod) After(f func(*chatpb.Send) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = f
}

// Sends are the sends that came to the pod, in order.
func (p *Pod) Sends() []*chatpb.Send {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*chatpb.Send(nil), p.sends...)
}

// Streams is how many gateways are connected.
func (p *Pod) Streams() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams)
}

// Tell sends a frame to every gateway.
func (p *Pod) Tell(f *chatpb.ChatFrame) {
	for _, s := range p.all() {
		s.send(f)
	}
}

// Announce sends the conversation's head to every gateway.
func (p *Pod) Announce(v store.Conv, joined ...string) {
	p.Tell(&chatpb.ChatFrame{Heads: []*chatpb.Head{
		{Tenant: string(v.Tenant()), Conversation: v.ID(), Seq: p.w.Head(v), Joined: joined},
	}})
}

// Drain says that the pod takes no new conversations.
func (p *Pod) Drain() { p.Tell(&chatpb.ChatFrame{Draining: true}) }

func (p *Pod) all() []*podStream {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*podStream, 0, len(p.streams))
	for s := range p.streams {
		out = append(out, s)
	}
	return out
}

// Connect implements chatpb.ChatServer.
func (p *Pod) Connect(s chatpb.Chat_ConnectServer) error {
	first, err := s.Recv()
	if err != nil {
		return err
	}
	if first.GetHello().GetGateway() == "" {
		return status.Error(codes.InvalidArgument, "no hello")
	}
	out := &podStream{s: s, instance: first.GetHello().GetInstance()}
	p.mu.Lock()
	out.send(&chatpb.ChatFrame{Hello: &chatpb.ChatHello{Pod: p.Name}}) // the first frame, and who has read it is told everything
	p.streams[out] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.streams, out)
		p.mu.Unlock()
	}()
	for {
		f, err := s.Recv()
		if err != nil {
			return nil
		}
		p.relay(f)
		for _, send := range f.GetSends() {
			if r := p.one(send); r != nil {
				r.Ref = send.GetRef()
				out.send(&chatpb.ChatFrame{Results: []*chatpb.Result{r}})
			}
		}
	}
}

// relay passes signals on to everybody, and takeovers to whom they name.
func (p *Pod) relay(f *chatpb.GatewayFrame) {
	for _, s := range p.all() {
		out := &chatpb.ChatFrame{Signals: f.GetSignals()}
		for _, t := range f.GetTakeovers() {
			if t.GetInstance() == s.instance {
				out.Takeovers = append(out.Takeovers, t)
			}
		}
		if len(out.GetSignals())+len(out.GetTakeovers()) > 0 {
			s.send(out)
		}
	}
}

// one commits a send and returns its result, nil for none.
func (p *Pod) one(s *chatpb.Send) *chatpb.Result {
	p.mu.Lock()
	p.sends = append(p.sends, s)
	before, after := p.before, p.after
	who := sender{s.GetTenant(), s.GetConversation(), s.GetUser(), s.GetDevice()}
	follows := s.GetPrevious() == "" || s.GetPrevious() == p.last[who]
	p.mu.Unlock()
	if !follows {
		return &chatpb.Result{Code: string(protocol.CodeUnavailable)}
	}
	var told *chatpb.Result
	if before != nil {
		told = before(s)
	}
	if told != nil && protocol.Code(told.GetCode()).Retryable() {
		return told
	}
	p.mu.Lock()
	p.last[who] = s.GetClientMsgId()
	p.mu.Unlock()
	if told != nil {
		return told
	}
	v, err := store.NewConv(store.Tenant(s.GetTenant()), s.GetConversation())
	if err != nil {
		return &chatpb.Result{Code: string(protocol.CodeInvalid)}
	}
	if !p.w.member(v, s.GetUser()) {
		return &chatpb.Result{Code: string(protocol.CodeNotMember)}
	}
	asked := &logpb.Entry{Sender: s.GetUser(), Device: s.GetDevice(), ClientMsgId: s.GetClientMsgId()}
	switch change := s.GetChange().(type) {
	case *chatpb.Send_Edited:
		asked.Kind = &logpb.Entry_Edited{Edited: change.Edited}
	case *chatpb.Send_Deleted:
		asked.Kind = &logpb.Entry_Deleted{Deleted: change.Deleted}
	case *chatpb.Send_Reacted:
		asked.Kind = &logpb.Entry_Reacted{Reacted: change.Reacted}
	default:
		asked.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: s.GetBody()}}
	}
	e, err := p.w.commit(v, asked)
	if err != nil {
		return &chatpb.Result{Code: string(protocol.CodeUnavailable)}
	}
	if after != nil && !after(s) {
		return nil
	}
	return &chatpb.Result{Seq: e.GetSeq(), AtMs: e.GetAtMs(), Count: e.GetCount()}
}

// CreateConversation implements chatpb.ChatServer.
func (p *Pod) CreateConversation(_ context.Context, r *chatpb.CreateConversationRequest) (*chatpb.CreateConversationResponse, error) {
	v, err := store.NewConv(store.Tenant(r.GetTenant()), r.GetConversation())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	created, err := p.w.create(v, r.GetKind(), r.GetTitle(), r.GetCreator(), r.GetMembers())
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	c, err := p.w.Store.Conversation(context.Background(), v)
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return &chatpb.CreateConversationResponse{Conversation: v.ID(), Kind: c.Kind, Title: c.Title, Created: created, Head: p.w.Head(v)}, nil
}

// log is what the pods agree on of a conversation.
type log struct {
	mu      sync.Mutex
	head    uint64
	count   uint64
	ids     map[string]*logpb.Entry
	members map[string]bool
}

func (w *World) log(v store.Conv) *log {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.heads[v]
	if l == nil {
		l = &log{ids: map[string]*logpb.Entry{}, members: map[string]bool{}}
		w.heads[v] = l
	}
	return l
}

// Head is the conversation's last seq.
func (w *World) Head(v store.Conv) uint64 {
	l := w.log(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

func (w *World) member(v store.Conv, user string) bool {
	l := w.log(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.members[user]
}

func (w *World) create(v store.Conv, kind, title, creator string, members []*logpb.Member) (bool, error) {
	l := w.log(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.head > 0 {
		return false, nil
	}
	b := batch(&logpb.Entry{
		Seq: 1, Sender: creator, AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{Members: members}},
	})
	in := make([]store.Member, len(members))
	for i, m := range members {
		u, err := store.NewUser(v.Tenant(), m.GetUser())
		if err != nil {
			return false, err
		}
		in[i] = store.Member{User: u, Role: m.GetRole(), Joined: 1}
		l.members[m.GetUser()] = true
	}
	err := w.Store.Create(context.Background(), store.Conversation{Conv: v, Kind: kind, Title: title, CreatedAt: time.Now()}, in, b, store.AppendOptions{})
	if err != nil {
		return false, err
	}
	l.head = 1
	w.deliver(v, b)
	return true, nil
}

// commit appends an entry once by (sender, client_msg_id) and delivers it.
func (w *World) commit(v store.Conv, e *logpb.Entry) (*logpb.Entry, error) {
	l := w.log(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	key := e.GetSender() + "\x00" + e.GetClientMsgId()
	if old := l.ids[key]; old != nil {
		return old, nil
	}
	e.Seq, e.Count, e.AtMs = l.head+1, l.count, time.Now().UnixMilli()
	if e.GetMessage() != nil {
		e.Count++
	}
	b := batch(e)
	if err := w.Store.Append(context.Background(), v, b, store.AppendOptions{}); err != nil {
		return nil, err
	}
	l.head, l.count, l.ids[key] = e.Seq, e.Count, e
	w.deliver(v, b)
	return e, nil
}

// Change commits an entry that brings or removes a user, and delivers it.
func (w *World) Change(v store.Conv, user string, joins bool) uint64 {
	w.T.Helper()
	l := w.log(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &logpb.Entry{Seq: l.head + 1, Count: l.count, Sender: "admin", AtMs: time.Now().UnixMilli()}
	ch := store.MemberChange{User: w.User(user), Role: store.RoleMember}
	if joins {
		ch.Joined = e.Seq
		e.Kind = &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{Members: []*logpb.Member{{User: user, Role: store.RoleMember}}}}
	} else {
		ch.Left = e.Seq
		e.Kind = &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{user}}}
	}
	b := batch(e)
	if err := w.Store.ChangeMembers(context.Background(), v, b, []store.MemberChange{ch}, store.AppendOptions{}); err != nil {
		w.T.Fatal(err)
	}
	l.head, l.members[user] = e.Seq, joins
	w.deliver(v, b)
	return e.Seq
}

// deliver hands the batch to the gateways of one pod that is not mute.
func (w *World) deliver(v store.Conv, b *logpb.Batch) {
	w.mu.Lock()
	pods := make([]*Pod, 0, len(w.pods))
	for _, p := range w.pods {
		pods = append(pods, p)
	}
	w.mu.Unlock()
	for _, p := range pods {
		p.mu.Lock()
		mute := p.mute || len(p.streams) == 0
		p.mu.Unlock()
		if mute {
			continue
		}
		p.Tell(&chatpb.ChatFrame{Deliveries: []*chatpb.Deliver{{Tenant: string(v.Tenant()), Conversation: v.ID(), Batch: b}}})
		return
	}
}

func batch(entries ...*logpb.Entry) *logpb.Batch {
	return &logpb.Batch{Id: fmt.Appendf(nil, "b%d", entries[0].GetSeq()), Entries: entries}
}
