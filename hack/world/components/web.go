package components

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

// webDir is where the web client's sources are, and webDist, below it, where chatd embeds it from.
const (
	webDir  = "runtime/web"
	webDist = "dist"
	webKept = ".gitkeep"
)

// WebClient is the built web client, made anew when a file of its sources changes and only then.
func WebClient(repo, node string) (Set, error) {
	inputs, err := webSources(filepath.Join(repo, webDir))
	if err != nil {
		return Set{}, err
	}
	return Set{
		Name: "webclient", Title: "Building the web client", Within: 10 * time.Minute, dir: webDir, inputs: inputs,
		make: func(ctx context.Context, src, out string, log io.Writer, st *report.Status) error {
			// What a person has installed in the work tree neither helps nor hurts.
			work, err := os.MkdirTemp(filepath.Dir(out), ".webclient-work-*")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(work) }()
			for _, f := range inputs {
				if err := copyFile(filepath.Join(src, f), filepath.Join(work, f)); err != nil {
					return err
				}
			}
			st.Set("npm ci")
			if err := npm(ctx, work, node, log, "ci", "--ignore-scripts"); err != nil {
				return err
			}
			st.Set("npm run build")
			if err := npm(ctx, work, node, log, "run", "build", "--workspace", "@chatcluster/app"); err != nil {
				return err
			}
			return os.CopyFS(out, os.DirFS(filepath.Join(work, webDist)))
		},
	}, nil
}

// webSources are the client's files: all but what a build or Go makes of them.
func webSources(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		switch {
		case e.IsDir() && path != dir && (name == "node_modules" || name == webDist || name == "coverage"):
			return fs.SkipDir
		case !e.Type().IsRegular() || strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".tsbuildinfo"):
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, rel)
		return err
	})
	return files, err
}

// EnsureWebClient puts the built client where chatd embeds it from: a program that is built after that holds it.
func EnsureWebClient(ctx context.Context, repo, cache string, r *report.Reporter) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	s, err := WebClient(repo, "")
	if err != nil {
		return err
	}
	if !s.Ready(repo, cache) {
		node, err := EnsureNode(ctx, repo, cache, r)
		if err != nil {
			return err
		}
		if s, err = WebClient(repo, node); err != nil {
			return err
		}
	}
	built, err := s.Ensure(ctx, repo, cache, r)
	if err != nil {
		return err
	}
	return mirror(built, filepath.Join(repo, webDir, webDist))
}

// WebClientReady says whether nothing has to be built.
func WebClientReady(repo, cache string) bool {
	s, err := WebClient(repo, "")
	return err == nil && s.Ready(repo, cache)
}

// mirror makes a folder hold what another one holds, beside the file that git keeps. Files that are the same are left alone.
func mirror(from, to string) error {
	wanted := map[string]bool{webKept: true}
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		wanted[rel] = true
		return copyFile(path, filepath.Join(to, rel))
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(to, path)
		if err != nil || wanted[rel] {
			return err
		}
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// copyFile makes a file hold what another one holds, in one step, unless it does already.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(to), ".copy-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), to)
}
