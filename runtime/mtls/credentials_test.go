package mtls_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/chatcluster/chatcluster/runtime/mtls"
	"github.com/chatcluster/chatcluster/runtime/mtls/mtlstest"
)

const (
	chatName    = "demo-chat.chat.svc"
	gatewayName = "demo-gateway.chat.svc"
)

// mounted returns the files of a process with this name that trusts these CAs, the first of which signs.
func mounted(t *testing.T, name string, authorities ...*mtlstest.Authority) (*mtls.Files, *mtlstest.Volume) {
	t.Helper()
	v := mtlstest.NewVolume(t)
	put(t, v, name, authorities...)
	f, err := mtls.Open(v.Paths)
	if err != nil {
		t.Fatal(err)
	}
	return f, v
}

func put(t *testing.T, v *mtlstest.Volume, name string, authorities ...*mtlstest.Authority) {
	t.Helper()
	cert, key := authorities[0].Sign(t, name)
	v.Put(t, cert, key, authorities...)
}

// shake makes a handshake and sends a byte each way; the errors are what each side says.
func shake(t *testing.T, server, client credentials.TransportCredentials) (serverErr, clientErr error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ended := make(chan error, 1)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			ended <- err
			return
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
		conn, _, err := server.ServerHandshake(raw)
		if err == nil {
			_, err = conn.Write([]byte{1})
		}
		ended <- err
	}()
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
	conn, _, err := client.ClientHandshake(ctx, "ignored:1", raw)
	if err == nil {
		// A client learns only now that it is refused.
		_, _ = conn.Write(make([]byte, 16))
		_, err = conn.Read(make([]byte, 1))
	}
	_ = raw.Close()
	return <-ended, err
}

func TestWhoIsRefused(t *testing.T) {
	ours, theirs := mtlstest.NewAuthority(t), mtlstest.NewAuthority(t)
	files := func(name string, authorities ...*mtlstest.Authority) *mtls.Files {
		f, _ := mounted(t, name, authorities...)
		return f
	}
	server := mtls.Server(files(chatName, ours), gatewayName)
	client := mtls.Client(files(gatewayName, ours), chatName)
	cases := map[string]struct {
		reason         string
		server, client credentials.TransportCredentials
		want           bool
	}{
		"BothKnown":      {"a gateway and a chat pod of one ChatCluster", server, client, true},
		"ForeignGateway": {"another ChatCluster's gateway has another CA", server, mtls.Client(files(gatewayName, theirs, ours), chatName), false},
		"ForeignChat":    {"a gateway hands messages to nobody it does not know", mtls.Server(files(chatName, theirs, ours), gatewayName), client, false},
		"Chat":           {"chat pods send each other what processors say", mtls.Server(files(chatName, ours), gatewayName, chatName), mtls.Client(files(chatName, ours), chatName), true},
		"ChatAlone":      {"nobody is taken who is not named", server, mtls.Client(files(chatName, ours), chatName), false},
		"OtherName":      {"a CA may sign for others, too: the name counts", server, mtls.Client(files("demo-notify.chat.svc", ours), chatName), false},
		"OtherServer":    {"so it does for the chat pod", mtls.Server(files("demo-notify.chat.svc", ours), gatewayName), client, false},
		"InTheClear":     {"who has no certificate is nobody", server, insecure.NewCredentials(), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			serverErr, clientErr := shake(t, tc.server, tc.client)
			if got := serverErr == nil && clientErr == nil; got != tc.want {
				t.Errorf("%s: the chat pod says %v, the gateway says %v", tc.reason, serverErr, clientErr)
			}
		})
	}
}

func TestReplacedFilesCountAtTheNextHandshake(t *testing.T) {
	before, after := mtlstest.NewAuthority(t), mtlstest.NewAuthority(t)
	chatFiles, chatVolume := mounted(t, chatName, before)
	gatewayFiles, gatewayVolume := mounted(t, gatewayName, before)
	server, client := mtls.Server(chatFiles, gatewayName), mtls.Client(gatewayFiles, chatName)
	works := func(when string, want bool) {
		t.Helper()
		serverErr, clientErr := shake(t, server, client)
		if got := serverErr == nil && clientErr == nil; got != want {
			t.Errorf("%s: the chat pod says %v, the gateway says %v", when, serverErr, clientErr)
		}
	}
	works("at first", true)
	put(t, chatVolume, chatName, before, after)
	put(t, gatewayVolume, gatewayName, before, after)
	works("with both CAs trusted", true)
	put(t, chatVolume, chatName, after, before)
	works("with the chat pod's certificate by the new CA", true)
	put(t, gatewayVolume, gatewayName, after)
	put(t, chatVolume, chatName, after)
	works("without the old CA", true)
	put(t, gatewayVolume, gatewayName, before, after)
	works("with a certificate of the old CA that the chat pod has ceased to trust", false)
}

func TestUnreadableFilesLeaveTheLastGoodOnes(t *testing.T) {
	ca := mtlstest.NewAuthority(t)
	chatFiles, chatVolume := mounted(t, chatName, ca)
	gatewayFiles, _ := mounted(t, gatewayName, ca)
	if err := chatFiles.Check(); err != nil {
		t.Fatal(err)
	}
	cert, _ := ca.Sign(t, chatName)
	_, key := ca.Sign(t, chatName)
	chatVolume.Put(t, cert, key, ca)
	if err := chatFiles.Check(); err == nil || !strings.Contains(err.Error(), "internal certificate") {
		t.Errorf("a key that does not fit: Check says %v", err)
	}
	serverErr, clientErr := shake(t, mtls.Server(chatFiles, gatewayName), mtls.Client(gatewayFiles, chatName))
	if serverErr != nil || clientErr != nil {
		t.Errorf("the last good certificate is not used: %v, %v", serverErr, clientErr)
	}
	if until := time.Until(chatFiles.NotAfter()); until < 50*time.Minute || until > time.Hour {
		t.Errorf("valid for %v", until)
	}
}

func TestWhatIsMissingIsSaidAtTheStart(t *testing.T) {
	v := mtlstest.NewVolume(t)
	put(t, v, chatName, mtlstest.NewAuthority(t))
	for _, path := range []string{v.CA, v.Key, v.Cert} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := mtls.Open(v.Paths); err == nil {
			t.Errorf("an empty %s was taken", path)
		}
	}
}
