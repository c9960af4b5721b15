package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines reads an export as an auditor does: manifest by manifest, each object whole.
func lines(t *testing.T, from Destination) (entries []Entry) {
	t.Helper()
	names, err := manifests(t.Context(), from, folderOf("acme"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		m, err := readManifest(t.Context(), from, "acme", name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := from.Read(t.Context(), m.Object)
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(data) != m.SHA256 {
			t.Errorf("%s is not what its manifest says", m.Object)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		for n := m.From; n <= m.To; n++ {
			var e Entry
			if err := dec.Decode(&e); err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		if last := entries[len(entries)-1]; last.Hash != m.Head {
			t.Errorf("%s ends with another hash than its manifest says", m.Object)
		}
	}
	return entries
}

func TestExportGoesOnWhereItWas(t *testing.T) {
	m, to := chainOf("acme", exportChunk+5), Folder{t.TempDir()}
	if done := exported(t, m, to); done.Entries != exportChunk+5 || done.Objects != 2 || done.Head != m.head {
		t.Errorf("%+v", done)
	}
	if done := exported(t, m, to); done.Entries != 0 || done.Head != m.head {
		t.Errorf("nothing was new, and %+v", done)
	}
	m.add(Entry{Tenant: "acme", Details: `{"a":"<&>"}`})
	if done := exported(t, m, to); done.Entries != 1 || done.Objects != 1 {
		t.Errorf("one was new, and %+v", done)
	}
	if d := cmp.Diff(m.entries, lines(t, to)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// What was exported verifies by itself.
	v := newVerifier("acme", nil)
	for _, e := range lines(t, to) {
		v.entry(e)
	}
	if v.end(m.head); len(v.done.Faults) > 0 {
		t.Error(v.done.Faults)
	}
	checkpoints, err := Checkpoints(t.Context(), to, "acme")
	if err != nil || len(checkpoints) != 3 {
		t.Fatal(checkpoints, err)
	}
	if v, err := Verify(t.Context(), m, "acme", checkpoints); err != nil || len(v.Faults) > 0 {
		t.Error(v.Faults, err)
	}
}

// failing is a Destination whose writes fail from one on.
type failing struct {
	Folder
	after int
}

func (f *failing) Write(ctx context.Context, name string, data []byte) error {
	if f.after--; f.after < 0 {
		return errors.New("away")
	}
	return f.Folder.Write(ctx, name, data)
}

func TestExportThatIsCutOffAnywhere(t *testing.T) {
	for after := range 4 {
		m := chainOf("acme", exportChunk+5)
		to := Folder{t.TempDir()}
		if _, err := Export(t.Context(), m, &failing{to, after}, "acme", nil); err == nil {
			t.Fatal("it was to fail")
		}
		// More has come meanwhile: the object that was cut off would be longer now.
		m.add(Entry{Tenant: "acme"})
		exported(t, m, to)
		if d := cmp.Diff(m.entries, lines(t, to)); d != "" {
			t.Errorf("cut off after %d writes (-want +got):\n%s", after, d)
		}
	}
}

func TestExportRefusesAnotherLog(t *testing.T) {
	for reason, tamper := range map[string]func(*memory){
		"the last entry that was exported is another": func(m *memory) { m.entries[3].Subject = "else"; m.rewrite(3) },
		"it is gone":                   func(m *memory) { m.entries = m.entries[:3]; m.head.N = 5 },
		"the next one does not follow": func(m *memory) { m.add(Entry{Tenant: "acme"}); m.entries[4].Prev[0] ^= 1 },
		"the next one is gone":         func(m *memory) { m.head.N = 5 },
		"the next one was changed":     func(m *memory) { m.add(Entry{Tenant: "acme"}); m.entries[4].Kind = "else" },
	} {
		m, to := chainOf("acme", 4), Folder{t.TempDir()}
		exported(t, m, to)
		tamper(m)
		if _, err := Export(t.Context(), m, to, "acme", nil); !errors.Is(err, ErrDiverged) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestNoTenantLeavesItsFolder(t *testing.T) {
	dir := t.TempDir()
	for _, tenant := range []string{"..", "a/../b", ".", "acme", "acme2", "é"} {
		m := chainOf(tenant, 1)
		m.entries[0].Tenant = tenant
		m.rewriteAs(tenant)
		if _, err := Export(t.Context(), m, Folder{dir}, tenant, nil); err != nil {
			t.Fatal(err)
		}
	}
	found, err := os.ReadDir(dir)
	if err != nil || len(found) != 6 {
		t.Fatal(found, err)
	}
	for _, f := range found {
		if !strings.HasPrefix(f.Name(), "tenant=") {
			t.Error(f.Name())
		}
	}
}

func TestExportedTenantsAreThoseThatWereExported(t *testing.T) {
	to := Folder{t.TempDir()}
	for _, tenant := range []string{"b/c", "a", "a.b", "A"} {
		m := chainOf(tenant, 1)
		for range 2 {
			if _, err := Export(t.Context(), m, to, tenant, nil); err != nil {
				t.Fatal(err)
			}
			m.add(Entry{Tenant: tenant})
		}
	}
	tenants, err := ExportedTenants(t.Context(), to)
	if d := cmp.Diff([]string{"A", "a", "a.b", "b/c"}, tenants); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if none, err := ExportedTenants(t.Context(), Folder{filepath.Join(to.Dir, "nowhere")}); err != nil || len(none) > 0 {
		t.Errorf("%v, %v: nothing was exported there", none, err)
	}
}

func (m *memory) rewriteAs(tenant string) {
	tail := m.entries
	m.entries, m.head = nil, Head{Hash: Genesis(tenant)}
	for _, e := range tail {
		m.add(e)
	}
}

func TestAFolderWritesNothingOver(t *testing.T) {
	f := Folder{t.TempDir()}
	if err := f.Write(t.Context(), "a/b", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(t.Context(), "a/b", []byte("1")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := f.Write(t.Context(), "a/b", []byte("2")); err == nil {
		t.Error("it was written over")
	}
	if left, err := filepath.Glob(filepath.Join(f.Dir, "a", ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
