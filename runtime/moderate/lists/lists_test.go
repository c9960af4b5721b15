package lists_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatcluster/chatcluster/runtime/moderate/lists"
)

type words struct {
	Words []string `json:"words"`
}

func (w *words) Check() error {
	for _, word := range w.Words {
		if word == "" {
			return errors.New("an empty word")
		}
	}
	return nil
}

func compile(files []*words) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Words...)
	}
	return strings.Join(all, " ")
}

func write(t *testing.T, dir, name, data string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRefresh(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	l, err := lists.Open(lists.Options{Dir: dir, Detector: "d", Log: slog.New(slog.NewTextHandler(&log, nil)), Registerer: reg}, compile)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		reason  string
		change  func()
		want    string
		invalid int
	}{
		{"an empty folder", func() {}, "", 0},
		{"a file", func() { write(t, dir, "a.yaml", "words: [one]") }, "one", 0},
		{"two, by name", func() { write(t, dir, "0.yml", "words: [zero]") }, "zero one", 0},
		{"what is no list is left out", func() { write(t, dir, "note.txt", "secret") }, "zero one", 0},
		{"a change", func() { write(t, dir, "a.yaml", "words: [two]") }, "zero two", 0},
		{"no YAML: what was stays", func() { write(t, dir, "a.yaml", "words: [hush") }, "zero two", 1},
		{"a misspelled key: what was stays", func() { write(t, dir, "a.yaml", "wrods: [hush]") }, "zero two", 1},
		{"a wrong type: what was stays", func() { write(t, dir, "a.yaml", "words: hush") }, "zero two", 1},
		{"an empty word: what was stays", func() { write(t, dir, "a.yaml", `words: [hush, ""]`) }, "zero two", 1},
		{"too large: what was stays", func() { write(t, dir, "a.yaml", "# "+strings.Repeat("x", lists.MaxFile)) }, "zero two", 1},
		{"never valid: nothing", func() { write(t, dir, "b.yaml", "-") }, "zero two", 2},
		{"repaired", func() { write(t, dir, "a.yaml", "words: [three]"); write(t, dir, "b.yaml", "words: [four]") }, "zero three four", 0},
		{"a file of nothing", func() { write(t, dir, "b.yaml", "# nothing") }, "zero three", 0},
		{"gone", func() { _ = os.Remove(filepath.Join(dir, "a.yaml")) }, "zero", 0},
	} {
		tc.change()
		if err := l.Refresh(); err != nil {
			t.Fatalf("%s: %v", tc.reason, err)
		}
		if got := l.Current(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
		}
		want := "# HELP chatcluster_moderation_invalid_lists Files of lists that are not valid: what they were stays in force.\n# TYPE chatcluster_moderation_invalid_lists gauge\n" +
			`chatcluster_moderation_invalid_lists{detector="d"} ` + string(rune('0'+tc.invalid)) + "\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "chatcluster_moderation_invalid_lists"); err != nil {
			t.Errorf("%s: %v", tc.reason, err)
		}
	}
	if strings.Contains(log.String(), "hush") || !strings.Contains(log.String(), "a.yaml") {
		t.Errorf("the log names the file and nothing of what is in it: %s", &log)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Refresh(); err == nil {
		t.Error("a folder that is gone is an error")
	}
	if got := l.Current(); got != "zero" {
		t.Errorf("a folder that cannot be read changes nothing: %q", got)
	}
}

func TestOpenNeedsTheFolder(t *testing.T) {
	if _, err := lists.Open(lists.Options{Dir: filepath.Join(t.TempDir(), "none")}, compile); err == nil {
		t.Error("no error for a folder that is not there")
	}
	l, err := lists.Open(lists.Options{}, compile)
	if err != nil || l.Current() != "" {
		t.Errorf("without a folder there are no lists: %v", err)
	}
}

// A mounted ConfigMap changes by its ..data link, all files at once.
func TestRunFollowsAConfigMap(t *testing.T) {
	dir := t.TempDir()
	version := func(name, data string) {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), "a.yaml", data)
		old := time.Now().Add(-time.Hour) // the link alone tells
		if err := os.Chtimes(filepath.Join(dir, name, "a.yaml"), old, old); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Symlink(name, filepath.Join(dir, "..tmp")), os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", "words: [one]")
	if err := os.Symlink("..data/a.yaml", filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	l, err := lists.Open(lists.Options{Dir: dir, Every: time.Millisecond}, compile)
	if err != nil || l.Current() != "one" {
		t.Fatalf("%q, %v", l.Current(), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	version("..2", "words: [two]")
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.Current() != "two" {
		select {
		case <-ctx.Done():
			t.Fatal("waited in vain for the change")
		case <-tick.C:
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
