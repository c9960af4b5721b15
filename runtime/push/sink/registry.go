package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// maxApps is how many applications an AWS account has per Region.
const maxApps = 100

// registry is the state that outlives a restart: applications by id.
type registry map[string]*app

// app is an application. It is never changed in place: a change makes a copy, so that one that cannot be written down
// does not happen.
type app struct {
	ID       string              `json:"id"`
	ARN      string              `json:"arn"`
	Name     string              `json:"name"`
	Created  string              `json:"created"`
	Tags     map[string]string   `json:"tags"`
	Channels map[string]*channel `json:"channels"` // by the path's name
}

func (a *app) clone() *app {
	c := *a
	c.Tags, c.Channels = maps.Clone(a.Tags), maps.Clone(a.Channels)
	return &c
}

// sorted is the order of pages: by creation, then id.
func (r registry) sorted() []*app {
	return slices.SortedFunc(maps.Values(r), func(a, b *app) int {
		if a.Created != b.Created {
			if a.Created < b.Created {
				return -1
			}
			return 1
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
}

// put changes one application (nil removes it), in the file first and in memory second. The caller holds the mutex.
func (s *Sink) put(id string, a *app) error {
	next := maps.Clone(s.apps)
	if a == nil {
		delete(next, id)
	} else {
		next[id] = a
	}
	if err := saveRegistry(s.statePath, next); err != nil {
		s.log.Error("write the state file", "error", err)
		return internal("The sink could not write its state file.")
	}
	s.apps = next
	return nil
}

func loadRegistry(path string) (registry, error) {
	r := registry{}
	if path == "" {
		return r, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the push sink's state: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read the push sink's state %s: %w", path, err)
	}
	for id, a := range r {
		if a == nil || a.ID != id {
			return nil, fmt.Errorf("read the push sink's state %s: it is not one that a sink wrote", path)
		}
		if a.Tags == nil {
			a.Tags = map[string]string{}
		}
		if a.Channels == nil {
			a.Channels = map[string]*channel{}
		}
	}
	return r, nil
}

// saveRegistry replaces the file in one step, so that a crash leaves the old one or the new one.
func saveRegistry(path string, r registry) (err error) {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
