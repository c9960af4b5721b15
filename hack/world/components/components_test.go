package components

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

func fakeRepo(t *testing.T) (repo string, set func(flags []string, build func(ctx context.Context, src, out string) error) Set) {
	t.Helper()
	repo = t.TempDir()
	if err := os.WriteFile(filepath.Join(repo, "go.sum"), []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	return repo, func(flags []string, f func(ctx context.Context, src, out string) error) Set {
		return Set{
			Name: "fake", Title: "Making fake", Within: time.Minute, inputs: []string{"go.sum"}, flags: flags,
			make: func(ctx context.Context, src, out string, _ io.Writer, _ *report.Status) error {
				return f(ctx, src, out)
			},
		}
	}
}

func TestStampFollowsWhatDecidesTheContent(t *testing.T) {
	repo, set := fakeRepo(t)
	stamp := func(flags ...string) string {
		s, err := set(flags, nil).Stamp(repo)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := stamp("-s")
	if again := stamp("-s"); again != first {
		t.Errorf("the same sources and flags: stamps %s and %s; every `up` would build", first, again)
	}
	if other := stamp("-s -w"); other == first {
		t.Error("other flags, the same stamp: the old binary would be taken for the new")
	}
	if err := os.WriteFile(filepath.Join(repo, "go.sum"), []byte("two"), 0o644); err != nil {
		t.Fatal(err)
	}
	if other := stamp("-s"); other == first {
		t.Error("other versions, the same stamp: the old binary would be taken for the new")
	}
}

func TestEnsureNeverTakesAnInterruptedBuildForADoneOne(t *testing.T) {
	repo, set := fakeRepo(t)
	cache, r := t.TempDir(), report.New(io.Discard)
	boom := errors.New("boom")
	broken := set(nil, func(_ context.Context, _, out string) error {
		if err := os.WriteFile(filepath.Join(out, "half"), nil, 0o644); err != nil {
			return err
		}
		return boom
	})
	if _, err := broken.Ensure(t.Context(), repo, cache, r); !errors.Is(err, boom) {
		t.Fatalf("got %v, want the build's error", err)
	}
	if broken.Ready(repo, cache) {
		t.Fatal("a failed build counts as done")
	}

	builds := 0
	good := set(nil, func(_ context.Context, _, out string) error {
		builds++
		return os.WriteFile(filepath.Join(out, "whole"), nil, 0o644)
	})
	for range 2 {
		dir, err := good.Ensure(t.Context(), repo, cache, r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "whole")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "half")); err == nil {
			t.Error("what the broken build left is in the result")
		}
	}
	if builds != 1 {
		t.Errorf("built %d times, want once", builds)
	}
	if left, err := filepath.Glob(filepath.Join(cache, ".fake-*")); err != nil || len(left) > 0 {
		t.Errorf("temporary folders stay: %v %v", left, err)
	}
}

func TestBuildMakesAStaticProgram(t *testing.T) {
	src, out := t.TempDir(), filepath.Join(t.TempDir(), "hello")
	for name, content := range map[string]string{"go.mod": "module hello\n\ngo 1.26.0\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(src, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Build(t.Context(), src, out, []string{"-ldflags=-s -w"}, []string{"."}, io.Discard, &report.Status{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("no program: %v %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(src, "main.go"), []byte("package main\n\nfunc main() { undefined() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Build(t.Context(), src, out, []string{"-ldflags=-s -w"}, []string{"."}, io.Discard, &report.Status{}); err == nil {
		t.Error("a program that does not compile: want an error")
	}
}
