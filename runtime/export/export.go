package export

import (
	"archive/zip"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Format names the archive's form. A reader refuses a higher number.
const Format = "chatcluster-user-export/1"

const (
	// window is how many seqs of a log are read at a time, readAhead how many batches of the store's.
	window    = 512
	readAhead = 16
)

// Store is where the data is.
type Store interface {
	Memberships(ctx context.Context, u store.User) ([]store.Membership, error)
	Devices(ctx context.Context, u store.User) ([]store.Device, error)
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
}

// Model is the read model: package readmodel has it.
type Model interface {
	UserConversations(ctx context.Context, u store.User) ([]string, error)
	Head(ctx context.Context, c store.Conv) (uint64, error)
	OwnEntries(ctx context.Context, u store.User, c store.Conv, from, to uint64) ([]*logpb.Entry, error)
	EntriesAt(ctx context.Context, c store.Conv, seqs []uint64) ([]*logpb.Entry, error)
}

// Manifest is the archive's last file.
type Manifest struct {
	Format string         `json:"format"`
	Tenant store.Tenant   `json:"tenant"`
	User   string         `json:"user"`
	Files  map[string]int `json:"files"` // how many documents each has
}

// Write writes the user's archive to out. After an error what was written is no archive.
func Write(ctx context.Context, out io.Writer, u store.User, s Store, m Model) (Manifest, error) {
	w := &writer{
		user: u, store: s, model: m, zip: zip.NewWriter(out),
		manifest: Manifest{Format: Format, Tenant: u.Tenant(), User: u.ID(), Files: map[string]int{}},
	}
	places, err := w.places(ctx)
	if err != nil {
		return Manifest{}, err
	}
	for _, file := range []struct {
		name  string
		write func(add func(any) error) error
	}{
		{"devices.jsonl", func(add func(any) error) error { return w.devices(ctx, add) }},
		{"conversations.jsonl", func(add func(any) error) error { return w.conversations(ctx, places, add) }},
		{"messages.jsonl", func(add func(any) error) error { return w.messages(ctx, places, add) }},
		{"reactions.jsonl", func(add func(any) error) error { return w.reactions(ctx, places, add) }},
	} {
		if err := w.file(file.name, file.write); err != nil {
			return Manifest{}, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	if err := w.file("manifest.json", func(add func(any) error) error { return add(w.manifest) }); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	delete(w.manifest.Files, "manifest.json")
	return w.manifest, w.zip.Close()
}

// writer is one archive.
type writer struct {
	user     store.User
	store    Store
	model    Model
	zip      *zip.Writer
	manifest Manifest
}

// file adds a file of what write adds to it. It has no time: the same data gives the same bytes.
func (w *writer) file(name string, write func(add func(any) error) error) error {
	f, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetEscapeHTML(false)
	n := 0
	err = write(func(v any) error { n++; return enc.Encode(v) })
	if name != "manifest.json" {
		w.manifest.Files[name] = n
	}
	return err
}

// place is a conversation that the user is or was in.
type place struct {
	conv       store.Conv
	membership *store.Membership // nil: the read model alone knows of it
}

func (w *writer) places(ctx context.Context) ([]place, error) {
	found := map[string]place{}
	ids, err := w.model.UserConversations(ctx, w.user)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c, err := store.NewConv(w.user.Tenant(), id)
		if err != nil {
			return nil, err
		}
		found[id] = place{conv: c}
	}
	memberships, err := w.store.Memberships(ctx, w.user)
	if err != nil {
		return nil, fmt.Errorf("read the memberships: %w", err)
	}
	for _, m := range memberships {
		found[m.Conv.ID()] = place{conv: m.Conv, membership: &m}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b place) int { return cmp.Compare(a.conv.ID(), b.conv.ID()) }), nil
}

// conversationOf is what the store has of a conversation, nothing where it is gone.
func (w *writer) conversationOf(ctx context.Context, c store.Conv) (store.Conversation, error) {
	conv, err := w.store.Conversation(ctx, c)
	if errors.Is(err, store.ErrNotFound) {
		return store.Conversation{Conv: c}, nil
	}
	return conv, err
}

// own calls f with the user's entries of a conversation, in order and a window at a time: those that the read model has, and those that only the
// store has.
func (w *writer) own(ctx context.Context, c store.Conv, f func([]*logpb.Entry) error) error {
	head, err := w.model.Head(ctx, c)
	if err != nil {
		return err
	}
	for from := uint64(1); from <= head; from += window {
		own, err := w.model.OwnEntries(ctx, w.user, c, from, min(from+window-1, head))
		if err != nil {
			return err
		}
		if err := f(own); err != nil {
			return err
		}
	}
	for next := head + 1; ; {
		page, err := w.store.Read(ctx, c, next, readAhead)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		var entries []*logpb.Entry
		for _, b := range page {
			for _, e := range b.Batch.GetEntries() {
				if e.GetSeq() >= next {
					entries = append(entries, e)
				}
			}
		}
		if len(entries) == 0 {
			return nil
		}
		next = entries[len(entries)-1].GetSeq() + 1
		fold.Page(entries)
		if err := f(slices.DeleteFunc(entries, func(e *logpb.Entry) bool { return e.GetSender() != w.user.ID() })); err != nil {
			return err
		}
	}
}
