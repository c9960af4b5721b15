package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decodeCanonical reads what Canonical wrote: that it can is why no two entries have the same encoding.
func decodeCanonical(t *testing.T, b []byte) (e Entry) {
	t.Helper()
	rest, ok := bytes.CutPrefix(b, []byte(entryDomain))
	if !ok {
		t.Fatal("no domain")
	}
	number := func() int64 {
		n := int64(binary.BigEndian.Uint64(rest))
		rest = rest[8:]
		return n
	}
	text := func() string {
		n := number()
		s := string(rest[:n])
		rest = rest[n:]
		return s
	}
	e.Tenant, e.N, e.AtMS = text(), number(), number()
	e.Kind, e.Actor, e.Subject, e.Details, e.Source = text(), text(), text(), text(), text()
	if len(rest) != len(e.Prev) {
		t.Fatalf("%d bytes are left", len(rest))
	}
	copy(e.Prev[:], rest)
	return e
}

// What is hashed says everything that an entry says, and nothing twofold.
func FuzzCanonical(f *testing.F) {
	f.Add("acme", int64(1), int64(2), "k", "a", "s", "{}", "log/1", []byte("p"))
	f.Add("", int64(-1), int64(0), "ab", "", "", "\x00", "\xff", []byte(nil))
	f.Fuzz(func(t *testing.T, tenant string, n, at int64, kind, actor, subject, details, source string, prev []byte) {
		e := Entry{Tenant: tenant, N: n, AtMS: at, Kind: kind, Actor: actor, Subject: subject, Details: details, Source: source}
		copy(e.Prev[:], prev)
		if d := cmp.Diff(e, decodeCanonical(t, e.Canonical())); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		moved := e
		moved.Kind, moved.Actor = kind+actor, ""
		if moved != e && bytes.Equal(moved.Canonical(), e.Canonical()) {
			t.Error("two entries have one encoding")
		}
	})
}

// The encoding is promised: a log that was written by an older release must still verify. The hashes were made by the lines of Python in
// docs/audit.md.
func TestHashesStayWhatTheyAre(t *testing.T) {
	if got, want := Genesis("acme").String(), "c98a63bbbd2a40cad1f4ffce458718f19cb5ba33c703fa63ff32d79bcafc18b7"; got != want {
		t.Errorf("genesis %s, want %s", got, want)
	}
	e := Entry{
		Tenant: "acme", N: 1, AtMS: 1_700_000_000_000, Kind: "member.added", Actor: "aa", Subject: "bb", Details: `{"role":"owner"}`, Source: "log/00/1/0",
		Prev: Genesis("acme"),
	}
	if got, want := e.Sum().String(), "5e80b6f281a0c1564f7c11fc7a9954219e537e16ec803ae60ad0802268fc3394"; got != want {
		t.Errorf("entry %s, want %s", got, want)
	}
}

func TestALineIsTheWholeEntry(t *testing.T) {
	m := chainOf("acme", 1)
	m.entries[0].Details = `{"a":"<b>\u0000"}`
	line, err := json.Marshal(m.entries[0])
	if err != nil {
		t.Fatal(err)
	}
	var back Entry
	if err := json.Unmarshal(line, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m.entries[0], back); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, bad := range []string{`{"hash":"00"}`, `{"hash":"` + strings.Repeat("x", 64) + `"}`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s is no hash", bad)
		}
	}
}

func TestPseudonymsDependOnEverything(t *testing.T) {
	a, b := key(bytes.Repeat([]byte{1}, keyBytes)), key(bytes.Repeat([]byte{2}, keyBytes))
	names := map[string]string{
		"the user's":               a.user("acme", "ann"),
		"under another key":        b.user("acme", "ann"),
		"another user's":           a.user("acme", "bob"),
		"in another tenant":        a.user("evil", "ann"),
		"a device of the same id":  a.device("acme", "ann"),
		"a boundary that is moved": a.user("acmea", "nn"),
	}
	seen := map[string]string{}
	for what, name := range names {
		if raw, err := hex.DecodeString(name); err != nil || len(raw) != pseudonymBytes {
			t.Errorf("%s: %q", what, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s are the same", what, other)
		}
		seen[name] = what
	}
}
