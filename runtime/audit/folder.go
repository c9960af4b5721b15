package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder is a Destination in the file system. Names have slashes, whatever the system.
type Folder struct{ Dir string }

// List implements Destination.
func (f Folder) List(_ context.Context, prefix string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(f.Dir), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case name == "." && errors.Is(err, fs.ErrNotExist):
			return fs.SkipAll
		case err != nil:
			return err
		case e.IsDir() && name != "." && !strings.HasPrefix(name+"/", prefix) && !strings.HasPrefix(prefix, name+"/"):
			return fs.SkipDir
		case e.Type().IsRegular() && strings.HasPrefix(name, prefix):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the export: %w", err)
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
