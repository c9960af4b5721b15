package set

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// entry is a file in an archive.
type entry struct {
	name string
	mode int64
	data []byte
}

// writeTar writes entries in the given order, of nobody and with one time: the same entries are the same bytes.
func writeTar(w io.Writer, entries []entry, at time.Time) error {
	tw := tar.NewWriter(w)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Mode: e.mode, Size: int64(len(e.data)), ModTime: at.Truncate(time.Second)}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if _, err := tw.Write(e.data); err != nil {
			return err
		}
	}
	return tw.Close()
}

func tarGzip(entries []entry, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b) // without a name and a time
	if err := writeTar(z, entries, at); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// folder is what is in a folder, in order of names.
func folder(dir string) ([]entry, error) {
	var found []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		found = append(found, entry{filepath.ToSlash(name), 0o644, data})
		return err
	})
	return found, err
}

// unpack writes a tar's files into a folder, and nothing beside it.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := root.MkdirAll(filepath.Dir(h.Name), 0o755); err != nil {
			return err
		}
		to, err := root.Create(h.Name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(to, tr); err != nil { //nolint:gosec // Ours, of a size that we have chosen.
			_ = to.Close()
			return err
		}
		if err := to.Close(); err != nil {
			return err
		}
	}
}
