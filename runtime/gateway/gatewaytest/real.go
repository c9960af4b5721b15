package gatewaytest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// RealPod is the chat service itself on the world's store, with a Kafka that accepts everything and no registry: what heals a lost
// delivery is the gateways' own. Say, Create and Change of the World know nothing of it: create conversations through a client.
type RealPod struct {
	w    *World
	addr string
	ln   *cutListener
	stop context.CancelFunc
	done chan error
}

// loopback is the address of the nth pod.
func loopback(n int) string { return fmt.Sprintf("127.0.1.%d", n) }

// RealPod starts one. change may adjust its options.
func (w *World) RealPod(name string, change ...func(*chat.Options)) *RealPod {
	w.T.Helper()
	port := w.servicePort()
	w.mu.Lock()
	w.next++
	addr := loopback(w.next)
	w.mu.Unlock()
	ln, err := net.Listen("tcp", net.JoinHostPort(addr, port))
	if err != nil {
		w.T.Fatal(err)
	}
	o := chat.Options{
		Pod: name, Store: w.Store, Publisher: accept{}, Log: slog.New(slog.DiscardHandler), Tunables: chat.Tunables{Grace: 5 * time.Second},
	}
	if w.Redis != nil {
		o.Routes = w.Redis.Cache
	}
	for _, f := range change {
		f(&o)
	}
	s, err := chat.New(o)
	if err != nil {
		w.T.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &RealPod{w: w, addr: addr, ln: &cutListener{Listener: ln, conns: map[net.Conn]struct{}{}}, stop: stop, done: make(chan error, 1)}
	go func() { p.done <- s.Serve(ctx, p.ln); close(p.done) }()
	w.T.Cleanup(func() {
		stop()
		if err := <-p.done; err != nil {
			w.T.Errorf("the chat service ended with %v", err)
		}
	})
	w.mu.Lock()
	w.pods[addr] = &Pod{Name: name, w: w, addr: addr, listed: true, mute: true}
	w.mu.Unlock()
	return p
}

// Stop drains the pod.
func (p *RealPod) Stop() error {
	p.unlist()
	p.stop()
	return <-p.done
}

// Kill cuts the pod off in the middle of whatever it does. What it has begun may still land in the store.
func (p *RealPod) Kill() {
	p.unlist()
	p.ln.cut()
}

// CutLines ends every gateway's connection to the pod, which goes on: gateways connect again.
func (p *RealPod) CutLines() { p.ln.cutLines() }

func (p *RealPod) unlist() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.pods[p.addr].listed = false
}

// accept is a Kafka that accepts everything.
type accept struct{}

func (accept) PublishBatch(_ store.Conv, _ string, _ *logpb.Batch, done func(error)) { done(nil) }

// cutListener can end all its connections.
type cutListener struct {
	net.Listener
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	isCut bool
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	if l.isCut {
		_ = c.Close()
	}
	return c, nil
}

func (l *cutListener) cut() {
	l.mu.Lock()
	l.isCut = true
	l.mu.Unlock()
	l.cutLines()
}

func (l *cutListener) cutLines() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}

// AppendBehind commits a message at seq behind everybody's back: nobody delivers or announces it.
func (w *World) AppendBehind(conversation string, seq uint64, user, body string) {
	w.T.Helper()
	b := batch(&logpb.Entry{
		Seq: seq, Count: seq - 1, Sender: user, ClientMsgId: body, AtMs: time.Now().UnixMilli(),
		Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}},
	})
	if err := w.Store.Append(context.Background(), w.Conv(conversation), b, store.AppendOptions{}); err != nil {
		w.T.Fatal(err)
	}
}
