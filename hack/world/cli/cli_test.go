package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/hack/world/host"
	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

func testLayout(t *testing.T) world.Layout {
	t.Helper()
	l, err := world.NewLayout("dev", t.TempDir(), t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSecretsAreMadeOnceAndAreTheirOwnersAlone(t *testing.T) {
	l := testLayout(t)
	read := func() map[string]string {
		if err := secrets(l); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, name := range []string{"postgres-password", "redis-password", "aws-credentials"} {
			file := l.Path("secrets", name)
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %v, %v; want 0600", name, info.Mode(), err)
			}
			got[name] = string(b)
		}
		return got
	}
	first, second := read(), read()
	for name := range first {
		if first[name] != second[name] {
			t.Errorf("%s changed in a second run: the engine's data would be locked out", name)
		}
	}
	if first["postgres-password"] == first["redis-password"] || len(first["redis-password"]) < 32 {
		t.Error("passwords are short or shared")
	}
}

func TestUsagePrintsNoSecretAndEveryWayIn(t *testing.T) {
	l := testLayout(t)
	if err := secrets(l); err != nil {
		t.Fatal(err)
	}
	w := world.Describe(l, world.PlanPorts(18000, false, nil), false)
	text := usage(w, true)
	password, err := os.ReadFile(w.Postgres.PasswordFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, string(password)) {
		t.Error("the password is printed")
	}
	for _, want := range []string{w.WebURL, "private window", "export KUBECONFIG=" + w.Kubeconfig, w.GatewayURL, w.Sink.URL, w.Issuer.Tokens["alice"], w.Issuer.Tokens["bob"], "--to bob", "--to alice"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if engines := usage(world.Describe(l, world.PlanPorts(0, true, nil), true), false); strings.Contains(engines, "KUBECONFIG") || strings.Contains(engines, "chatd") {
		t.Errorf("a world without Kubernetes offers it:\n%s", engines)
	}
}

func TestSortOut(t *testing.T) {
	waiting, failed := sortOut([]supervisor.Status{
		{Name: "redis", State: supervisor.Ready, Error: "killed"},
		{Name: "kafka", State: supervisor.Starting, Error: "exit status 1"},
		{Name: "kubelet", State: supervisor.Waiting},
	})
	if failed != nil || strings.Join(waiting, "; ") != "kafka (exit status 1); kubelet" {
		t.Errorf("got %v, %v", waiting, failed)
	}
	_, failed = sortOut([]supervisor.Status{{Name: "kafka", State: supervisor.Failed, Error: "exit status 1", Log: "/log/kafka.log"}})
	if failed == nil || !strings.Contains(failed.Error(), "kafka") || !strings.Contains(failed.Error(), "/log/kafka.log") {
		t.Errorf("got %v, want the component and its log", failed)
	}
}

func TestProblemsTellApartWhatPackagesMend(t *testing.T) {
	bad, installable := problems([]host.Finding{
		{What: "root", OK: true}, {What: "memory", Detail: "1 GiB"}, {What: "conntrack", Install: []string{"conntrack"}},
	})
	if len(bad) != 1 || !strings.Contains(bad[0].Error(), "memory: 1 GiB") || !installable {
		t.Errorf("got %v, %t", bad, installable)
	}
}

func TestSameWorld(t *testing.T) {
	l := testLayout(t)
	ports := world.PlanPorts(18000, true, nil)
	running := world.Describe(l, ports, true)
	saved := world.Config{Layout: l, EnginesOnly: true, Ports: ports, Revision: "1"}
	if err := saved.Save(); err != nil {
		t.Fatal(err)
	}
	want := saved
	want.Ports = nil
	newer, full, moved := want, want, map[string]int{world.PortKafka: 1}
	newer.Revision, full.EnginesOnly = "2", false
	for name, tc := range map[string]struct {
		reason string
		want   world.Config
		plan   map[string]int
		same   bool
	}{
		"Same":     {reason: "A world that is as wanted is left running.", want: want, plan: ports, same: true},
		"AnyPort":  {reason: "Free ports are as good as the ones it has.", want: want, plan: world.PlanPorts(0, true, nil), same: true},
		"Newer":    {reason: "A changed program must take over.", want: newer, plan: ports},
		"WithNode": {reason: "Kubernetes is asked for now.", want: full, plan: ports},
		"Moved":    {reason: "Another port is asked for.", want: want, plan: moved},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sameWorld(tc.want, running, tc.plan); got != tc.same {
				t.Errorf("%s sameWorld = %t", tc.reason, got)
			}
		})
	}
}

func TestLockKeepsTwoCommandsApart(t *testing.T) {
	l := testLayout(t)
	unlock, err := lockWorld(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockWorld(l); err == nil || !strings.Contains(err.Error(), "another command") {
		t.Errorf("a second command: got %v", err)
	}
	unlock()
	again, err := lockWorld(l)
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	again()
}

func TestCommandsOnAWorldThatIsNotThere(t *testing.T) {
	for _, args := range [][]string{{"status"}, {"down"}} {
		var out bytes.Buffer
		c := New(&out)
		c.SetArgs(append(args, "--name", "none", "--state-dir", t.TempDir()+"/none", "--cache-dir", t.TempDir(), "--repo", t.TempDir()))
		if err := c.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "none") {
			t.Errorf("%v: %v, %q; want a word about it and no error", args, err, out.String())
		}
	}
}

func TestRotateLogsKeepsThePreviousRun(t *testing.T) {
	l := testLayout(t)
	for _, content := range []string{"first", "second"} {
		if err := world.WriteFile(l.Log("kafka"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := rotateLogs(l); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(l.Path("log", "kafka.previous.log"))
	if err != nil || string(got) != "second" {
		t.Errorf("got %q, %v, want the last run's log", got, err)
	}
	entries, err := os.ReadDir(l.Path("log"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d logs, %v, want the previous one alone", len(entries), err)
	}
}
