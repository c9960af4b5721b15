package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

const patience = 20 * time.Second

// shell is a component that runs a shell script and is ready when ready says so.
func shell(name, script string, ready func(context.Context) error) Component {
	return Component{
		Name: name, Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/bin:/bin"},
		Ready: ready, ReadyWithin: patience, Grace: 5 * time.Second,
	}
}

func atOnce(context.Context) error { return nil }

// waits replaces its shell by a sleep, so that signals reach what runs.
const waits = "exec sleep 600"

// start runs a supervisor until the test ends.
func start(t *testing.T, components ...Component) (*Supervisor, context.CancelFunc) {
	t.Helper()
	dir := t.TempDir()
	s, err := New(slog.New(slog.DiscardHandler), func(name string) string { return filepath.Join(dir, name) }, components)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	stop := func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return s, stop
}

func get(s *Supervisor, name string) Status {
	for _, st := range s.Status() {
		if st.Name == name {
			return st
		}
	}
	return Status{}
}

// await polls until a component is as wanted.
func await(t *testing.T, s *Supervisor, name, what string, ok func(Status) bool) Status {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		st := get(s, name)
		if ok(st) {
			return st
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is not %s after %s: %+v", name, what, patience, st)
		}
	}
}

func isReady(st Status) bool { return st.State == Ready }

func TestComponentsStartWhenWhatTheyNeedIsReady(t *testing.T) {
	gate := make(chan struct{})
	opened := func(context.Context) error {
		select {
		case <-gate:
			return nil
		default:
			return errors.New("not yet")
		}
	}
	second := shell("second", waits, atOnce)
	second.After = []string{"first"}
	s, _ := start(t, shell("first", waits, opened), second)

	await(t, s, "first", "running", func(st Status) bool { return st.PID != 0 })
	if st := get(s, "second"); st.State != Waiting {
		t.Errorf("second is %s before what it needs is ready", st.State)
	}
	close(gate)
	await(t, s, "second", "ready", isReady)
}

func TestWhatDiesComesBack(t *testing.T) {
	s, _ := start(t, shell("engine", waits, atOnce))
	before := await(t, s, "engine", "ready", isReady)
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	after := await(t, s, "engine", "back", func(st Status) bool { return st.State == Ready && st.PID != before.PID })
	if after.Restarts != 1 || !strings.Contains(after.Error, "killed") {
		t.Errorf("status does not tell of the death: %+v", after)
	}
}

func TestWhatKeepsDyingIsGivenUpUntilAsked(t *testing.T) {
	dir := t.TempDir()
	flag := filepath.Join(dir, "mended")
	c := shell("broken", "test -e "+flag+" && "+waits+"; exit 3", func(context.Context) error {
		if _, err := os.Stat(flag); err != nil {
			return errors.New("broken")
		}
		return nil
	})
	s, _ := start(t, c)
	u := s.byName["broken"]
	// The pauses between restarts are real; asking for a start ends each, as an impatient person would.
	await(t, s, "broken", "failed", func(st Status) bool {
		if st.State != Failed {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_ = s.Do(ctx, "broken", Start) // refused while it runs: that is fine
		}
		return st.State == Failed
	})
	if got := get(s, "broken"); got.Restarts != maxRestarts+1 || !strings.Contains(got.Error, "exit status 3") {
		t.Errorf("got %+v, want %d restarts and the reason", got, maxRestarts+1)
	}
	if err := os.WriteFile(flag, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(t.Context(), u.Name, Start); err != nil {
		t.Fatal(err)
	}
	await(t, s, "broken", "ready", isReady)
}

func TestStopAndStartOnRequest(t *testing.T) {
	s, _ := start(t, shell("engine", waits, atOnce))
	await(t, s, "engine", "ready", isReady)
	if err := s.Do(t.Context(), "engine", Stop); err != nil {
		t.Fatal(err)
	}
	await(t, s, "engine", "stopped", func(st Status) bool { return st.State == Stopped && st.PID == 0 })
	if err := s.Do(t.Context(), "engine", Start); err != nil {
		t.Fatal(err)
	}
	await(t, s, "engine", "ready", isReady)
	if err := s.Do(t.Context(), "nobody", Start); err == nil {
		t.Error("a component that does not exist was started")
	}
}

func TestStopGoesFromTheHighestStageDown(t *testing.T) {
	dir := t.TempDir()
	order := filepath.Join(dir, "order")
	trap := func(name string) string {
		return "trap 'echo " + name + " >>" + order + "; exit 0' TERM; touch " + filepath.Join(dir, name) + "; while :; do sleep 0.02; done"
	}
	var components []Component
	for i, name := range []string{"database", "api", "node"} {
		c := shell(name, trap(name), func(context.Context) error {
			_, err := os.Stat(filepath.Join(dir, name))
			return err
		})
		c.Stage = i
		components = append(components, c)
	}
	s, stop := start(t, components...)
	for _, c := range components {
		await(t, s, c.Name, "ready", isReady)
	}
	stop()
	b, err := os.ReadFile(order)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Fields(string(b)), []string{"node", "api", "database"}; !slices.Equal(got, want) {
		t.Errorf("stopped %v, want %v: what depends goes first", got, want)
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "deaf")
	c := shell("deaf", "trap '' TERM; touch "+flag+"; while :; do sleep 0.05; done", func(context.Context) error {
		_, err := os.Stat(flag)
		return err
	})
	c.Grace = 50 * time.Millisecond
	s, stop := start(t, c)
	st := await(t, s, "deaf", "ready", isReady)
	stop()
	if err := syscall.Kill(st.PID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d outlives its supervisor: %v", st.PID, err)
	}
}

func TestNewRefusesImpossibleSets(t *testing.T) {
	for name, tc := range map[string]struct {
		reason     string
		components []Component
	}{
		"Twice":   {reason: "Two components of one name would share a log and a status.", components: []Component{{Name: "a"}, {Name: "a"}}},
		"Unknown": {reason: "Waiting for what never starts would be for ever.", components: []Component{{Name: "a", After: []string{"b"}}}},
		"Cycle":   {reason: "So would waiting for each other.", components: []Component{{Name: "a", After: []string{"b"}}, {Name: "b", After: []string{"a"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(slog.New(slog.DiscardHandler), func(string) string { return "" }, tc.components); err == nil {
				t.Errorf("%s New took it.", tc.reason)
			}
		})
	}
}

func TestPauseGrowsToALimit(t *testing.T) {
	if pause(1) != firstPause || pause(2) != 2*firstPause || pause(100) != longestPause {
		t.Errorf("pauses are %s, %s, … %s", pause(1), pause(2), pause(100))
	}
}

func TestControlAPI(t *testing.T) {
	s, _ := start(t, shell("engine", waits, atOnce))
	await(t, s, "engine", "ready", isReady)
	var loaded []string
	socket := filepath.Join(t.TempDir(), "control.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(Handler(s, func(_ context.Context, img world.Image) error {
		if img.Ref == "bad" {
			return errors.New("no such archive")
		}
		loaded = append(loaded, img.Ref)
		return nil
	}))
	srv.Listener = l
	srv.Start()
	defer srv.Close()
	c := NewClient(socket)

	rep, err := c.Status(t.Context(), true)
	if err != nil || len(rep.Components) != 1 || rep.Components[0].State != Ready || rep.Components[0].Memory == 0 {
		t.Errorf("status: %+v, %v; want one component that is ready and takes memory", rep, err)
	}
	if err := c.Do(t.Context(), "engine", Kill); err != nil {
		t.Error(err)
	}
	await(t, s, "engine", "restarted", func(st Status) bool { return st.Restarts == 1 && st.State == Ready })
	if err := c.Do(t.Context(), "engine", "explode"); err == nil || !strings.Contains(err.Error(), "no action") {
		t.Errorf("an unknown action: got %v", err)
	}
	if err := c.Import(t.Context(), []world.Image{{Ref: "a"}, {Ref: "b"}}); err != nil || !slices.Equal(loaded, []string{"a", "b"}) {
		t.Errorf("import: %v, loaded %v", err, loaded)
	}
	if err := c.Import(t.Context(), []world.Image{{Ref: "bad"}}); err == nil || !strings.Contains(err.Error(), "no such archive") {
		t.Errorf("a failing import: got %v, want its reason", err)
	}
	if _, err := NewClient(socket+".none").Status(t.Context(), false); err == nil {
		t.Error("no supervisor: want an error")
	}
}

func TestParseProc(t *testing.T) {
	if got := parentOf([]byte("42 (a (weird) name) S 7 42 42 0 -1")); got != 7 {
		t.Errorf("parent %d, want 7: the name may hold parentheses", got)
	}
	if got := parentOf([]byte("garbage")); got != 0 {
		t.Errorf("parent %d of garbage, want 0", got)
	}
	if got := pss([]byte("Rss:     100 kB\nPss:      12 kB\nPss_Anon: 3 kB\n")); got != 12<<10 {
		t.Errorf("pss %d, want %d", got, 12<<10)
	}
}
