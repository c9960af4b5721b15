package chatpool

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
)

// Every pod knows whether all of this gateway's connections are registered: those that are there, those that come, and the same
// one after its stream broke.
func TestEveryPodIsToldWhetherEverybodyIsRegistered(t *testing.T) {
	a := serve(t, "c1", "127.0.2.1:0", ok)
	_, port, _ := net.SplitHostPort(a.addr)
	n := &names{}
	n.set(nil, "127.0.2.1")
	p, _ := run(t, Options{Service: "chat.test:" + port, Resolve: n.resolve, Instance: "gw/1"})
	told := func(s *server, want ...bool) func() bool {
		return func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return slices.Equal(s.routed, want) && s.instance == "gw/1"
		}
	}
	eventually(t, "at first nobody is said to be registered", told(a, false))
	p.Routed(true)
	p.Routed(true)
	eventually(t, "news are told", told(a, false, true))
	b := serve(t, "c2", "127.0.2.2:"+port, ok)
	n.set(nil, "127.0.2.1", "127.0.2.2")
	eventually(t, "who comes later is told with the hello", told(b, true))
	p.Routed(false)
	eventually(t, "all are told", func() bool { return told(a, false, true, false)() && told(b, true, false)() })
	a.grpc.Stop()
	again := serve(t, "c1", a.addr, ok)
	eventually(t, "a new stream begins with what holds", told(again, false))
}

func TestSignalsAndTakeoversReachThePodAndAreBounded(t *testing.T) {
	s := serve(t, "c1", "127.0.0.1:0", ok)
	p, _ := run(t, Options{Service: s.addr})
	p.Signal(&chatpb.Signal{}) // without a pod it is dropped
	eventually(t, "ready", p.Ready)
	const many = 3 * maxFrameAsides
	for range many {
		p.Signal(&chatpb.Signal{Conversation: "room"})
		p.Takeover(&chatpb.Takeover{User: "ann"})
	}
	eventually(t, "all come", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.signals >= many && s.takeovers == many
	})
}

// A pod that does not read costs bounded memory, and sends are still answered in time.
func TestAPodThatDoesNotReadIsBounded(t *testing.T) {
	s := serve(t, "c1", "127.0.0.1:0", ok)
	s.hold = make(chan struct{})
	t.Cleanup(func() { close(s.hold) })
	p, _ := run(t, Options{Service: s.addr, SendTimeout: 200 * time.Millisecond, MaxInFlight: 10})
	eventually(t, "ready", p.Ready)
	large := string(make([]byte, 1000))
	for range 5 * maxAsides {
		p.Signal(&chatpb.Signal{Conversation: "room", User: large})
	}
	d := p.all()[0]
	d.mu.Lock()
	waiting := len(d.asides.signals)
	d.mu.Unlock()
	if waiting > maxAsides {
		t.Errorf("%d signals wait, want %d at most", waiting, maxAsides)
	}
	if r := result(t, send(p, "room", 1)); r.GetCode() != "unavailable" {
		t.Errorf("result = %v", r)
	}
}

// Reconnecting backs off, each time after a random part of a pause that doubles: a pod that takes connections and ends them is
// not dialed as fast as that goes.
func TestReconnectingBacksOff(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	dials := make(chan time.Time, 100)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			dials <- time.Now()
		}
	}()
	run(t, Options{Service: ln.Addr().String()})
	begin := <-dials
	var last time.Time
	for range 6 {
		last = <-dials
	}
	if took := last.Sub(begin); took < 50*time.Millisecond {
		t.Errorf("six attempts within %v", took)
	}
}
