//go:build engines

package readmodel

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
)

// A preview says what would be done and does nothing of it; a contraction comes when it is asked for, once.
func TestPreviewAndContract(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	expand := source{fstest.MapFS{
		"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (old int, new int);")},
		"00002_b.sql": {Data: []byte("-- +goose Up\nCREATE TABLE b ();")},
	}, versionTable}
	contract := source{fstest.MapFS{
		"README.md":          {Data: []byte("no migration")},
		"00002_drop_old.sql": {Data: []byte("-- +goose Up\nALTER TABLE a DROP COLUMN old;")},
	}, contractionTable}
	nothing := source{}.up
	columns := func() (names []string) {
		t.Helper()
		m := openModel(t, cfg)
		rows, err := m.writer.Query(ctx, "SELECT column_name FROM information_schema.columns WHERE table_name = 'a' ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
		return names
	}
	steps := []struct {
		reason  string
		step    source
		preview bool
		want    Result
		columns []string
	}{
		{"all is to come", source{}, true, Result{Target: 2, Pending: []string{"00001_a.sql", "00002_b.sql"}, Contractions: []string{"00002_drop_old.sql"}}, []string{}},
		{"the expansion leaves what the old image needs", expand, false, Result{Current: 2, Target: 2, Contractions: []string{"00002_drop_old.sql"}}, []string{"new", "old"}},
		{"the contraction takes it away", contract, false, Result{Current: 2, Target: 2}, []string{"new"}},
		{"once", contract, false, Result{Current: 2, Target: 2}, []string{"new"}},
		{"nothing is left", source{}, true, Result{Current: 2, Target: 2}, []string{"new"}},
	}
	for _, s := range steps {
		step := s.step.up
		if s.preview {
			step = nothing
		}
		got, err := run(ctx, cfg, expand, contract, step, quiet)
		if err != nil {
			t.Fatalf("%s: %v", s.reason, err)
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.reason, diff)
		}
		if diff := cmp.Diff(s.columns, columns()); diff != "" {
			t.Errorf("%s: columns (-want +got):\n%s", s.reason, diff)
		}
	}
	if got, err := Preview(ctx, cfg, quiet); err != nil || len(got.Pending) == 0 {
		t.Errorf("the real preview: %+v, %v", got, err)
	}
}
