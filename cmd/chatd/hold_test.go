package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

type fakeHolds struct {
	holdModel
	holds []readmodel.Hold
}

func (f fakeHolds) Holds(context.Context, store.Tenant) ([]readmodel.Hold, error) {
	return f.holds, nil
}

func TestListHolds(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	two := []readmodel.Hold{
		{Tenant: "acme", Name: "case-17", User: "alice", Reason: "litigation", PlacedBy: "carol", PlacedAt: at},
		{Tenant: "acme", Name: "audit", Reason: "tax", PlacedAt: at},
	}
	cases := map[string]struct {
		reason, want string
		holds        []readmodel.Hold
		format       output.Format
	}{
		"Table": {"a person sees whom each covers", "NAME      COVERS       REASON       BY      SINCE\ncase-17   alice        litigation   carol   2026-03-01T12:00:00Z\naudit     the tenant   tax          -       2026-03-01T12:00:00Z\n", two, output.Table},
		"JSON":  {"a program gets one document", "[\n  {\n    \"tenant\": \"acme\",\n    \"name\": \"audit\",\n    \"reason\": \"tax\",\n    \"placed_by\": \"\",\n    \"placed_at\": \"2026-03-01T12:00:00Z\"\n  }\n]\n", two[1:], output.JSON},
		"None":  {"no holds are an empty list, not null", "[]\n", nil, output.JSON},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := listHolds(t.Context(), fakeHolds{holds: tc.holds}, "acme", tc.format, &out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
