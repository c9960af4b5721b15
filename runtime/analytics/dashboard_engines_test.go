//go:build engines

package analytics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
)

// Grafana's dashboard asks the tables for what they have.
func TestTheDashboardAsksForWhatIsThere(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "grafana", "analytics.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []struct {
				RawSQL string `json:"rawSql"`
			}
		}
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	db := database(t)
	r := NewRollups(db, 0)
	l := newLog(t, "acme", "team", time.Minute)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"), readmodeltest.Say("ann", "x"), readmodeltest.Judge("spam", 2, "flag", 0))
	project(t, db, l)
	apply(t, r, append(batches(l), read(l, "bob", 2, since.Add(time.Hour)), measured(t, "acme", "gateway", 1, since, []time.Duration{time.Second}, 1))...)
	settle(t, r)

	grafana := strings.NewReplacer("${tenant:sqlstring}", "'acme'", "${step:sqlstring}", "'day'", "$__timeFilter(start)", "start > now() - interval '7 days'")
	ask := func(what, query string) {
		t.Helper()
		query = grafana.Replace(query)
		err := db.Read(t.Context(), func(tx pgx.Tx) error {
			rows, err := tx.Query(t.Context(), query)
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, pgx.RowToMap)
			if err == nil && len(found) == 0 {
				t.Errorf("%s: nothing: %s", what, query)
			}
			for _, row := range found {
				for column, value := range row {
					if value == nil {
						t.Errorf("%s: %s is nothing: %s", what, column, query)
					}
				}
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v: %s", what, err, query)
		}
	}
	asked := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			ask(p.Title, target.RawSQL)
			asked++
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s asks nothing", p.Title)
		}
	}
	for _, v := range dashboard.Templating.List {
		if v.Type == "query" {
			ask("variable "+v.Name, v.Query)
			asked++
		}
	}
	if asked < 10 {
		t.Errorf("only %d queries", asked)
	}
}
