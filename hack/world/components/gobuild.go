package components

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

// goSet completes a set that `go build` makes: binaries by name, each with its main package. The set's folder then
// holds bin/<name>.
func goSet(s Set, ldflags string, bins map[string]string) Set {
	names := slices.Sorted(maps.Keys(bins))
	s.flags = append(s.flags, runtime.GOOS+"/"+runtime.GOARCH, ldflags)
	for _, n := range names {
		s.flags = append(s.flags, n+"="+bins[n])
	}
	s.make = func(ctx context.Context, src, out string, log io.Writer, st *report.Status) error {
		pkgs := make([]string, 0, len(names))
		for _, n := range names {
			pkgs = append(pkgs, bins[n])
		}
		bin := filepath.Join(out, "bin")
		if err := os.Mkdir(bin, 0o755); err != nil {
			return err
		}
		if err := Build(ctx, src, bin+"/", []string{"-ldflags=" + ldflags}, pkgs, log, st); err != nil {
			return err
		}
		return rename(bin, bins)
	}
	return s
}

// rename gives binaries their names where their package's path ends otherwise (…/server/v3 is etcd).
func rename(bin string, bins map[string]string) error {
	for name, pkg := range bins {
		if _, err := os.Stat(filepath.Join(bin, name)); err == nil {
			continue
		}
		for _, made := range []string{path.Base(pkg), path.Base(path.Dir(pkg))} {
			if err := os.Rename(filepath.Join(bin, made), filepath.Join(bin, name)); err == nil {
				break
			}
		}
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return fmt.Errorf("built %s, and found no binary of it: %w", pkg, err)
		}
	}
	return nil
}

// Build compiles main packages of the module at src into out (a file, or a folder when it ends in a slash) as static
// binaries, with further flags, and shows how many packages it compiled so far.
func Build(ctx context.Context, src, out string, flags, pkgs []string, log io.Writer, st *report.Status) error {
	env := append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	st.Set("listing packages")
	total, err := countPackages(ctx, src, env, pkgs, log)
	if err != nil {
		return err
	}
	st.Set("linking")
	args := slices.Concat([]string{"build", "-v", "-trimpath", "-buildvcs=false", "-o", out}, flags, pkgs)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = src, env
	pr, pw := io.Pipe()
	cmd.Stdout, cmd.Stderr = log, pw
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go then ends its compilers too
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	done := make(chan struct{})
	n := 0
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(pr); lines.Scan(); {
			n++
			st.Set("%d of at most %d packages compiled", n, total)
			fmt.Fprintln(log, lines.Text())
		}
		_, _ = io.Copy(log, pr) // a line too long for the scanner must not block the compiler
	}()
	err = cmd.Wait()
	_ = pw.Close()
	<-done
	if err != nil {
		return fmt.Errorf("go build in %s: %w", src, err)
	}
	st.Set("%d packages compiled", n)
	return nil
}

func countPackages(ctx context.Context, src string, env, pkgs []string, log io.Writer) (int, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-deps"}, pkgs...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = src, env, log
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("go list in %s: %w", src, err)
	}
	return bytes.Count(out, []byte("\n")), nil
}
