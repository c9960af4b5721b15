//go:build engines

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// asChatd makes the test's own binary be chatd.
const asChatd = "CHATD_TEST_IS_CHATD"

// patience holds on a machine that does much else.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asChatd) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// running is a chatd dev in a process of its own.
type running struct {
	cmd     *exec.Cmd
	gateway string
	web     string // what it says about the web client
	sink    string
	admin   string
	tokens  map[string]string
	ended   chan error
}

var (
	gatewayLine = regexp.MustCompile(`gateway +(ws://\S+)`)
	adminLine   = regexp.MustCompile(`admin +(http://\S+)`)
	sinkLine    = regexp.MustCompile(`push sink +(http://\S+)`)
	webLine     = regexp.MustCompile(`web client +(.+)`)
	tokenLine   = regexp.MustCompile(`token +(\S+) \((\w+)\)`)
)

// startDev starts chatd dev on dir and waits until it says how to go on.
func startDev(t *testing.T, args ...string) *running {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{
		cmd:    exec.Command(self, append([]string{"dev", "--listen", "127.0.0.1:0", "--sink-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--push-delay", "500ms"}, args...)...),
		tokens: map[string]string{}, ended: make(chan error, 1),
	}
	r.cmd.Env = append(os.Environ(), asChatd+"=1")
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errOut lines
	r.cmd.Stderr = &errOut
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string)
	go func() {
		defer close(said)
		for s := bufio.NewScanner(out); s.Scan(); {
			said <- s.Text()
		}
		r.ended <- r.cmd.Wait()
	}()
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-said:
			if !ok {
				t.Fatalf("chatd dev ended: %s", errOut.String())
			}
			if m := gatewayLine.FindStringSubmatch(line); m != nil {
				r.gateway = m[1]
			}
			if m := adminLine.FindStringSubmatch(line); m != nil {
				r.admin = m[1]
			}
			if m := sinkLine.FindStringSubmatch(line); m != nil {
				r.sink = m[1]
			}
			if m := webLine.FindStringSubmatch(line); m != nil {
				r.web = m[1]
			}
			if m := tokenLine.FindStringSubmatch(line); m != nil {
				r.tokens[m[2]] = m[1]
			}
			if strings.HasPrefix(line, "Ready in") {
				t.Log(line)
			}
			if strings.HasPrefix(line, "Stop it") {
				go func() {
					for range said {
					}
				}()
				return r
			}
		case <-timeout:
			t.Fatalf("chatd dev is not ready: %s", errOut.String())
		}
	}
}

// hasWebClient looks whether the page is there where it is said to be, and says how to get it where it is not: this test may be built
// with the web client or without.
func (r *running) hasWebClient(t *testing.T) {
	t.Helper()
	at := strings.Replace(r.gateway, "ws://", "http://", 1) + "/app/"
	res, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	there := res.StatusCode == http.StatusOK && strings.HasPrefix(r.web, at)
	explained := res.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), "make web") && strings.Contains(r.web, "make web")
	if !there && !explained {
		t.Errorf("%s answers %d %.200s, and dev says %q", at, res.StatusCode, text, r.web)
	}
}

func (r *running) end(t *testing.T, s syscall.Signal) error {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		t.Fatal("chatd dev does not end")
		return nil
	}
}

// device connects a user's device and collects the bodies that it is shown.
func (r *running) device(t *testing.T, user, device string) (*client.Client, *lines) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shown := &lines{}
	c, err := client.Dial(ctx, client.Options{
		URL: r.gateway, Device: device, Platform: "cli",
		Token: func(context.Context) (string, error) { return tokenFrom(r.tokens[user]) },
		OnEntries: func(_ string, entries []protocol.Entry) {
			for _, e := range entries {
				_, _ = io.WriteString(shown, e.Body+"\n")
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, shown
}

// lines collects what is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) wait(t *testing.T, what string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%q is shown", what), func() bool { return strings.Contains(l.String(), what+"\n") })
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestDevKeepsWhatIsSaid chats through chatd dev, ends it in one way after the other, and finds everything again: the history,
// what a device missed, the inbox out of PostgreSQL, and the same push application.
func TestDevKeepsWhatIsSaid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	var conversation string
	var said []string
	for i, stop := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGINT} {
		r := startDev(t, "--data-dir", dir)
		alice, _ := r.device(t, "alice", "laptop")
		bob, shown := r.device(t, "bob", "phone")
		if err := bob.RegisterDevice(t.Context(), protocol.Device{Platform: "android", PushChannel: "GCM", PushToken: "bobs-token"}); err != nil {
			t.Fatal(err)
		}
		c, err := alice.CreateDirect(t.Context(), "bob")
		if err != nil {
			t.Fatal(err)
		}
		if conversation != "" && c.ID != conversation {
			t.Fatalf("the conversation was %s, now it is %s", conversation, c.ID)
		}
		conversation = c.ID
		live, missed := fmt.Sprintf("live %d", i), fmt.Sprintf("missed %d", i)
		if _, err := alice.Send(t.Context(), conversation, live); err != nil {
			t.Fatal(err)
		}
		shown.wait(t, live)
		// What bob's phone missed in the previous life has come by itself.
		if i > 0 {
			shown.wait(t, fmt.Sprintf("missed %d", i-1))
		}
		if err := bob.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := alice.Send(t.Context(), conversation, missed); err != nil {
			t.Fatal(err)
		}
		said = append(said, live, missed)
		page, err := alice.History(t.Context(), conversation, client.Range{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range page.Entries {
			if e.Kind == protocol.KindMessage {
				got = append(got, e.Body)
			}
		}
		if strings.Join(got, "|") != strings.Join(said, "|") {
			t.Errorf("life %d: the history is %q, want %q", i, got, said)
		}
		waitFor(t, "the inbox shows the last message", func() bool {
			page, err := alice.Inbox(t.Context(), 0, "")
			return err == nil && len(page.Items) == 1 && page.Items[0].LastPreview == missed
		})
		waitFor(t, "bob's phone shows the push", func() bool { return strings.Contains(get(t, r.sink+"/messages?address=bobs-token"), missed) })
		if err := alice.Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.end(t, stop); err != nil && stop != syscall.SIGKILL {
			t.Errorf("life %d: chatd dev ended with %v", i, err)
		}
		if stop != syscall.SIGKILL && serverRuns(dir) {
			t.Errorf("life %d: PostgreSQL still runs", i)
		}
	}
}

func TestDevLeavesNothingWhenItIsEphemeral(t *testing.T) {
	tmp := t.TempDir()
	open(t, tmp)
	t.Setenv("TMPDIR", tmp)
	r := startDev(t, "--ephemeral", "--users", "carol,dave")
	carol, shown := r.device(t, "carol", "laptop")
	c, err := carol.CreateDirect(t.Context(), "dave")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := carol.Send(t.Context(), c.ID, "hello"); err != nil {
		t.Fatal(err)
	}
	shown.wait(t, "hello")
	r.hasWebClient(t)
	if err := carol.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("chatd dev ended with %v", err)
	}
	left, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("it left %v", left)
	}
}

func TestDevsDataFolderHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	r := startDev(t, "--data-dir", dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	second := exec.Command(self, "dev", "--data-dir", dir, "--listen", "127.0.0.1:0", "--sink-listen", "127.0.0.1:0")
	second.Env = append(os.Environ(), asChatd+"=1")
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another process") {
		t.Errorf("the second ended with %v and said %s", err, out)
	}
	alice, _ := r.device(t, "alice", "laptop")
	if _, err := alice.CreateDirect(t.Context(), "bob"); err != nil {
		t.Errorf("the first is no longer well: %v", err)
	}
	if err := alice.Close(); err != nil {
		t.Error(err)
	}
	if err := r.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("chatd dev ended with %v", err)
	}
}

// open lets PostgreSQL's user through to dir: a test's own folders are closed to others on some machines.
func open(t *testing.T, dir string) {
	t.Helper()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			return // not ours
		}
	}
}

// serverRuns says whether a server runs on dir's data.
func serverRuns(dir string) bool {
	cwds, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, c := range cwds {
		if at, err := os.Readlink(c); err == nil && at == filepath.Join(dir, "postgres") {
			return true
		}
	}
	return false
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
