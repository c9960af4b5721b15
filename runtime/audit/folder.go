package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Folder is a Destination in the file system. Names have slashes, whatever the system.
type Folder struct{ Dir string }

// List implements Destination. A prefix is a folder's, with a slash at its end.
func (f Folder) List(_ context.Context, prefix string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.Dir, filepath.FromSlash(prefix)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the export: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, path.Join(prefix, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Read implements Destination.
func (f Folder) Read(_ context.Context, name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(f.Dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	return data, nil
}

// Write implements Destination. A file that is there is never written over: one of another content is an error.
func (f Folder) Write(ctx context.Context, name string, data []byte) error {
	at := filepath.Join(f.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(at), ".part-*")
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // it is gone, or another run's to see
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	err = os.Link(file.Name(), at)
	if errors.Is(err, fs.ErrExist) {
		have, rerr := f.Read(ctx, name)
		if rerr == nil && !bytes.Equal(have, data) {
			rerr = fmt.Errorf("%s is there with another content", name)
		}
		err = rerr
	}
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return syncDir(filepath.Dir(at))
}

// syncDir makes a name last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}
