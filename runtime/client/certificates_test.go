package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/mtls"
	"github.com/chatcluster/chatcluster/runtime/mtls/mtlstest"
)

// Certificates and their CA are replaced, step by step as the operator does, while people talk: streams that are open stay open,
// the next ones use what is new, and no message is lost.
func TestCertificatesAreReplacedUnderOpenStreams(t *testing.T) {
	const chatName, gatewayName = "demo-chat.chat.svc", "demo-gateway.chat.svc"
	before, after := mtlstest.NewAuthority(t), mtlstest.NewAuthority(t)
	volumes := map[string]*mtlstest.Volume{chatName: mtlstest.NewVolume(t), gatewayName: mtlstest.NewVolume(t)}
	replace := func(signer *mtlstest.Authority, trusted ...*mtlstest.Authority) {
		for name, v := range volumes {
			cert, key := signer.Sign(t, name)
			v.Put(t, cert, key, trusted...)
		}
	}
	replace(before, before)
	files := func(name string) *mtls.Files {
		f, err := mtls.Open(volumes[name].Paths)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	w := gatewaytest.New(t)
	secured := func(o *chat.Options) { o.Credentials = mtls.Server(files(chatName), gatewayName) }
	pod := w.RealPod("c1", secured)
	lost := &countingLog{}
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.ChatCredentials = mtls.Client(files(gatewayName), chatName)
		o.Logger = slog.New(slog.NewTextHandler(lost, nil))
		o.Limits.SendRate, o.Limits.SendBurst, o.Limits.UserSendRate, o.Limits.UserSendBurst = 5000, 5000, 5000, 5000
	})
	alice, bob := join(t, g.URL, "alice", nil), join(t, g.URL, "bob", nil)
	c, err := alice.CreateDirect(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}

	stop := make(chan struct{})
	var sent []*client.Message
	var talk sync.WaitGroup
	talk.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			m, err := alice.Enqueue(c.ID, fmt.Sprintf("alice %d", n))
			if err != nil {
				t.Error(err)
				return
			}
			sent = append(sent, m)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*gatewaytest.Patience)
	defer cancel()
	last := uint64(0)
	said := func(what string) {
		t.Helper()
		ack, err := bob.Send(ctx, c.ID, what)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		last = max(last, ack.Seq)
	}
	said("at first")
	replace(before, before, after)
	said("with two CAs trusted")
	replace(after, after, before)
	said("with certificates of the new CA")
	replace(after, after)
	said("without the old CA")
	if n := lost.count("stream to chat pod ended"); n > 0 {
		t.Errorf("%d streams ended because files were replaced", n)
	}
	// Whoever connects now does so by the new CA: the same pod again, and one that comes.
	pod.CutLines()
	said("after the stream was cut")
	w.RealPod("c2", secured)
	if err := pod.Stop(); err != nil {
		t.Error(err)
	}
	said("by another pod")
	close(stop)
	talk.Wait()

	var want []string
	for n, m := range sent {
		ack, err := m.Wait(ctx)
		if err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		last = max(last, ack.Seq)
		want = append(want, fmt.Sprintf("alice %d", n))
	}
	got := bodiesOf(bob.wait(t, c.ID, 1, last), "alice")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what bob saw of alice, -want +got:\n%s", diff)
	}
}

// countingLog keeps what was logged.
type countingLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *countingLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *countingLog) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}
