package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"kept.txt": "kept", "sub/gone.txt": "gone", ".gitignore": "/bin/\n"} {
		write(t, dir, name, text)
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"},
		{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "one", "--date", "2026-01-02T03:04:05Z"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenSaysWhatIsReleased(t *testing.T) {
	dir := repository(t)
	s, err := Open(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); !s.Time.Equal(want) || len(s.Commit) != 40 || s.Dirty {
		t.Errorf("got %+v, want a clean commit of %s", s, want)
	}
	if s, err = Open(t.Context(), dir, "86400"); err != nil || s.Time.Unix() != 86400 {
		t.Errorf("SOURCE_DATE_EPOCH is not obeyed: %v, %v", s.Time, err)
	}
	if _, err = Open(t.Context(), dir, "today"); err == nil {
		t.Error("a SOURCE_DATE_EPOCH that is no number is taken")
	}
	write(t, dir, "bin/built", "ignored")
	if s, err = Open(t.Context(), dir, ""); err != nil || s.Dirty {
		t.Errorf("what git ignores makes the tree dirty: %v", err)
	}
	write(t, dir, "new.txt", "new")
	if s, err = Open(t.Context(), dir, ""); err != nil || !s.Dirty {
		t.Errorf("a file that is not committed would be released unseen: %v", err)
	}
}

func TestCopyHoldsTheWorkTreeAndNoMore(t *testing.T) {
	dir := repository(t)
	write(t, dir, "new.txt", "new")
	write(t, dir, "bin/built", "ignored")
	if err := os.Remove(filepath.Join(dir, "sub/gone.txt")); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if s, err = s.Copy(t.Context(), to); err != nil || s.Dir != to {
		t.Fatal(s.Dir, err)
	}
	for name, want := range map[string]bool{"kept.txt": true, "new.txt": true, "bin/built": false, "sub/gone.txt": false, ".git": false} {
		if _, err := os.Stat(filepath.Join(to, name)); (err == nil) != want {
			t.Errorf("%s: in the copy %t, want %t", name, err == nil, want)
		}
	}
}
