package source

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Source is a work tree at a commit.
type Source struct {
	Dir    string
	Commit string
	// Time is the commit's, or SOURCE_DATE_EPOCH: every time in a release is this one.
	Time time.Time
	// Dirty says that files differ from the commit, or that there are some that it does not have and does not ignore.
	Dirty bool
}

// Open reads the work tree in dir. epoch is SOURCE_DATE_EPOCH, seconds since 1970; empty: the commit's time.
func Open(ctx context.Context, dir, epoch string) (Source, error) {
	s := Source{Dir: dir}
	head, err := git(ctx, dir, "log", "-1", "--format=%H %ct")
	if err != nil {
		return s, err
	}
	commit, seconds, _ := strings.Cut(strings.TrimSpace(string(head)), " ")
	if epoch != "" {
		seconds = epoch
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 {
		return s, fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", seconds)
	}
	s.Commit, s.Time = commit, time.Unix(n, 0).UTC()
	status, err := git(ctx, dir, "status", "--porcelain")
	s.Dirty = len(status) > 0
	return s, err
}

// Copy writes the files into a new folder, those that are not committed yet too, but none that git ignores. Links stay links.
func (s Source) Copy(ctx context.Context, to string) (Source, error) {
	list, err := git(ctx, s.Dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	if err != nil {
		return s, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(s.Dir, name), filepath.Join(to, name)); err != nil {
			return s, err
		}
	}
	s.Dir = to
	return s, nil
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if os.IsNotExist(err) {
		return nil // deleted, and not committed
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	var why bytes.Buffer
	cmd.Stderr = &why
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(why.String()))
	}
	return out, nil
}
