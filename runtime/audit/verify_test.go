package audit

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVerifyFindsWhatWasDone(t *testing.T) {
	type at struct {
		N       int64
		Problem Problem
	}
	swap := func(m *memory, i, j int) {
		m.entries[i], m.entries[j] = m.entries[j], m.entries[i]
		m.entries[i].N, m.entries[j].N = m.entries[j].N, m.entries[i].N
	}
	// The head was exported when there were 8 and when there were 10 entries.
	for name, tc := range map[string]struct {
		reason string
		tamper func(m *memory)
		want   []at
	}{
		"Nothing":   {"a log that nobody touched", func(*memory) {}, nil},
		"Grown":     {"entries that came after the export", func(m *memory) { m.add(Entry{Tenant: "acme"}) }, nil},
		"Changed":   {"one field of one entry", func(m *memory) { m.entries[4].Subject = "else" }, []at{{5, Changed}}},
		"Backdated": {"when something happened matters", func(m *memory) { m.entries[4].AtMS-- }, []at{{5, Changed}}},
		"Sealed": {"whoever changes an entry and its hash has to go on with the next one",
			func(m *memory) { m.entries[4].Subject = "else"; m.entries[4].Hash = m.entries[4].Sum() }, []at{{6, Broken}}},
		"Removed":      {"an entry in the middle", func(m *memory) { m.entries = slices.Delete(m.entries, 4, 5) }, []at{{5, Missing}}},
		"RemovedFirst": {"the first ones", func(m *memory) { m.entries = slices.Delete(m.entries, 0, 2) }, []at{{1, Missing}}},
		"RemovedClosed": {"an entry, and the rest moved up", func(m *memory) {
			m.entries = slices.Delete(m.entries, 7, 8)
			for i := 7; i < 9; i++ {
				m.entries[i].N--
			}
			m.head.N--
		}, []at{{8, Moved}, {8, Diverged}, {9, Moved}, {10, Truncated}}},
		"Reordered": {"two entries in each other's place", func(m *memory) { swap(m, 3, 4) }, []at{{4, Moved}, {5, Moved}, {6, Broken}}},
		"Inserted": {"an entry that never was", func(m *memory) {
			m.entries = slices.Insert(m.entries, 4, Entry{Tenant: "acme", N: 5})
			for i := 5; i < len(m.entries); i++ {
				m.entries[i].N++
			}
			m.head.N++
		}, []at{{5, Changed}, {6, Moved}, {7, Moved}, {8, Moved}, {8, Diverged}, {9, Moved}, {10, Moved}, {10, Diverged}, {11, Moved}}},
		"Truncated": {"the end, without the head", func(m *memory) { m.entries = m.entries[:9] }, []at{{10, Truncated}, {10, Truncated}}},
		"TruncatedWell": {"the end, and the head with it: the export knows", func(m *memory) {
			m.entries = m.entries[:8]
			m.head = Head{8, m.entries[7].Hash}
		}, []at{{9, Truncated}}},
		"Emptied": {"all of it", func(m *memory) { *m = *chainOf("acme", 0) }, []at{{1, Truncated}, {1, Truncated}}},
		"Rewritten": {"an entry changed, and everything after it made to fit", func(m *memory) {
			m.entries[8].Subject = "else"
			m.rewrite(8)
		}, []at{{10, Diverged}}},
		"Head":     {"the head alone", func(m *memory) { m.head.Hash[0] ^= 1 }, []at{{10, Unended}}},
		"HeadBack": {"a head that goes back", func(m *memory) { m.head = Head{9, m.entries[8].Hash} }, []at{{10, Unended}}},
		"Stolen": {"an entry of another tenant's", func(m *memory) {
			other := chainOf("else", 10).entries[4]
			other.Tenant = "acme"
			m.entries[4] = other
		}, []at{{5, Changed}, {6, Broken}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := chainOf("acme", 8)
			first := Checkpoint{m.head, "first"}
			m.add(Entry{Tenant: "acme"})
			m.add(Entry{Tenant: "acme"})
			second := Checkpoint{m.head, "second"}
			tc.tamper(m)
			v, err := Verify(t.Context(), m, "acme", []Checkpoint{second, first})
			if err != nil {
				t.Fatal(err)
			}
			var got []at
			for _, f := range v.Faults {
				got = append(got, at{f.N, f.Problem})
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s%v", tc.reason, d, v.Faults)
			}
		})
	}
}

func TestVerifyReadsPageByPage(t *testing.T) {
	m := chainOf("acme", 2*verifyPage+1)
	m.entries[verifyPage].Kind = "else"
	v, err := Verify(t.Context(), m, "acme", nil)
	if err != nil || len(v.Faults) != 1 || v.Faults[0].N != verifyPage+1 || v.Head.N != 2*verifyPage+1 {
		t.Errorf("%+v, %v: the one after a page's end was changed", v, err)
	}
}
