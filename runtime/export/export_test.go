package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/export"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var update = flag.Bool("update", false, "write the golden file anew")

// kept is what a cluster keeps of ann.
type kept struct {
	logs    map[string]*readmodeltest.Log
	source  *readmodeltest.Source
	head    map[string]uint64 // of the read model
	devices []store.Device
	places  []store.Membership
	widest  uint64
}

func (k *kept) Memberships(context.Context, store.User) ([]store.Membership, error) {
	return k.places, nil
}

func (k *kept) Devices(context.Context, store.User) ([]store.Device, error) { return k.devices, nil }

func (k *kept) Conversation(ctx context.Context, c store.Conv) (store.Conversation, error) {
	return k.source.Conversation(ctx, c)
}

func (k *kept) Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error) {
	return k.source.Read(ctx, c, from, limit)
}

func (k *kept) UserConversations(context.Context, store.User) ([]string, error) {
	return []string{"direct", "purged"}, nil
}

func (k *kept) Head(_ context.Context, c store.Conv) (uint64, error) { return k.head[c.ID()], nil }

// entries are the read model's: folded.
func (k *kept) entries(c store.Conv) []*logpb.Entry {
	l := k.logs[c.ID()]
	if l == nil {
		return nil
	}
	var all []*logpb.Entry
	for _, b := range l.Batches {
		for _, e := range b.GetEntries() {
			if e.GetSeq() <= k.head[c.ID()] {
				all = append(all, e)
			}
		}
	}
	fold.Page(all)
	return all
}

func (k *kept) OwnEntries(_ context.Context, u store.User, c store.Conv, from, to uint64) (out []*logpb.Entry, err error) {
	k.widest = max(k.widest, to-from+1)
	for _, e := range k.entries(c) {
		if e.GetSender() == u.ID() && e.GetSeq() >= from && e.GetSeq() <= to {
			out = append(out, e)
		}
	}
	return out, nil
}

func (k *kept) EntriesAt(_ context.Context, c store.Conv, seqs []uint64) (out []*logpb.Entry, err error) {
	for _, e := range k.entries(c) {
		for _, s := range seqs {
			if e.GetSeq() == s {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

func keep(t *testing.T) *kept {
	t.Helper()
	direct := readmodeltest.NewLog(t, "acme", "direct", store.Direct)
	direct.Batch(readmodeltest.Add("ann", "ann", "bob"))
	direct.Batch(readmodeltest.Say("ann", "<one> & \"two\"\nlines 👋"), readmodeltest.Say("bob", "not hers"), readmodeltest.Say("ann", "gone"))
	direct.Batch(readmodeltest.Edit("ann", 2, "<edited>"), readmodeltest.Delete("ann", 4), readmodeltest.React("ann", 3, "👍"), readmodeltest.React("ann", 3, "👎"))
	back := readmodeltest.React("ann", 3, "👎")
	back.GetReacted().Removed = true
	direct.Batch(back, readmodeltest.Say("ann", "rude"), readmodeltest.Judge("profanity", 10, protocol.ActionMask, 0))
	group := readmodeltest.NewLog(t, "acme", "group", store.Group)
	group.Title = "the group"
	group.Batch(readmodeltest.Add("bob", "bob", "ann"))
	for i := range 1100 {
		group.Batch(readmodeltest.Say("bob", "not hers"))
		if i%400 == 0 {
			group.Batch(readmodeltest.Say("ann", fmt.Sprint("number ", i)))
		}
	}
	left := readmodeltest.NewLog(t, "acme", "left", store.Group)
	left.Title = "renamed since"
	left.Batch(readmodeltest.Add("bob", "bob", "ann"), readmodeltest.Say("ann", "bye"), readmodeltest.Remove("ann", "ann"))
	k := &kept{
		logs:   map[string]*readmodeltest.Log{"direct": direct, "group": group, "left": left},
		source: readmodeltest.NewSource(direct, group, left),
		// Of the group the read model has not got the end yet.
		head: map[string]uint64{"direct": direct.Head(), "group": 700, "left": left.Head()},
		devices: []store.Device{
			{ID: "laptop", Platform: "web", RegisteredAt: time.UnixMilli(1_700_000_000_000)},
			{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "tokensecret", RegisteredAt: time.UnixMilli(1_700_000_000_000), Locale: "de",
				Preferences: store.DevicePreferences{Private: true, QuietFrom: 60, QuietTo: 420, QuietZone: "Europe/Berlin"}, Strikes: 1},
		},
		places: []store.Membership{
			{Conv: direct.Conv, Joined: 1, Read: 9, Delivered: map[string]uint64{"phone": 9, "laptop": 4}, Pushed: 3},
			{Conv: group.Conv, Joined: 1, Earlier: nil, Preferences: store.Preferences{Pinned: true, MutedUntil: time.UnixMilli(1_900_000_000_000)}},
			{Conv: left.Conv, Joined: 1, Left: 3, Earlier: []store.Interval{}},
		},
	}
	for _, l := range k.logs { // ids of their own would differ each time
		for _, b := range l.Batches {
			for _, e := range b.GetEntries() {
				e.ClientMsgId = fmt.Sprint("m", e.GetSeq())
			}
		}
	}
	return k
}

func archive(t *testing.T, k *kept) []byte {
	t.Helper()
	u, err := store.NewUser("acme", "ann")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := export.Write(t.Context(), &out, u, k, k); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestArchive(t *testing.T) {
	k := keep(t)
	data := archive(t, k)
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "== %s\n%s", f.Name, text)
	}
	golden := filepath.Join("testdata", "archive.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, not := range []string{"tokensecret", "not hers", "renamed since"} {
		if strings.Contains(got.String(), not) {
			t.Errorf("the archive has %q", not)
		}
	}
	if !bytes.Equal(data, archive(t, keep(t))) {
		t.Error("the same data gives other bytes")
	}
	if k.widest > 512 {
		t.Errorf("%d entries were asked for at a time", k.widest)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAnArchiveThatCannotBeWritten(t *testing.T) {
	u, err := store.NewUser("acme", "ann")
	if err != nil {
		t.Fatal(err)
	}
	k := keep(t)
	if _, err := export.Write(t.Context(), full{}, u, k, k); err == nil {
		t.Error("it is said to be whole")
	}
}
