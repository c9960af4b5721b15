package audit

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// memory is a chain that holds what it is given, wrong or right.
type memory struct {
	head    Head
	entries []Entry
}

// chainOf is a chain of n entries.
func chainOf(tenant string, n int) *memory {
	m := &memory{head: Head{Hash: Genesis(tenant)}}
	for range n {
		m.add(Entry{Tenant: tenant, Kind: KindMemberAdded, Subject: "s", Details: `{"role":"<member>"}`})
	}
	return m
}

// add puts e at the end of the chain.
func (m *memory) add(e Entry) {
	e.N, e.Prev = m.head.N+1, m.head.Hash
	e.AtMS, e.Source = 1_700_000_000_000+e.N, fmt.Sprint("log/", e.N)
	e.Hash = e.Sum()
	m.entries, m.head = append(m.entries, e), Head{e.N, e.Hash}
}

func (m *memory) Tenants(context.Context) ([]string, error) { return []string{"acme"}, nil }

func (m *memory) End(context.Context, string) (Head, int64, error) {
	if len(m.entries) == 0 {
		return m.head, 0, nil
	}
	return m.head, m.entries[len(m.entries)-1].N, nil
}

func (m *memory) Entries(_ context.Context, _ string, after, upTo int64, limit int) ([]Entry, error) {
	var page []Entry
	for _, e := range m.entries {
		if e.N > after && e.N <= upTo && len(page) < limit {
			page = append(page, e)
		}
	}
	return page, nil
}

// rewrite writes the chain anew from index i on, as whoever may do everything would.
func (m *memory) rewrite(i int) {
	tail := slices.Clone(m.entries[i:])
	m.entries = m.entries[:i]
	m.head = Head{Hash: Genesis("acme")}
	if i > 0 {
		m.head = Head{m.entries[i-1].N, m.entries[i-1].Hash}
	}
	for _, e := range tail {
		m.add(e)
	}
}

func exported(t *testing.T, chain Chain, to Destination) Exported {
	t.Helper()
	done, err := Export(t.Context(), chain, to, "acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	return done
}
