package analytics

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

// sourceKept is how long it is remembered what was counted of a source, and how old figures may be: longer than any topic keeps them by default. So
// what comes again is known, or too old to be counted.
const sourceKept = 35 * 24 * time.Hour

// source is who measured.
type source struct{ tenant, name string }

func (s source) compare(o source) int {
	return cmp.Or(cmp.Compare(s.tenant, o.tenant), cmp.Compare(s.name, o.name))
}

// sourceColumns are sources as a statement takes them.
type sourceColumns struct {
	tenants, names []string
}

// countFigures counts what processes measured and was not counted.
func countFigures(ctx context.Context, tx pgx.Tx, figures []*eventlog.FiguresRecord, now time.Time, ts *tallies, done *Applied) error {
	by := map[source][]*eventlog.FiguresRecord{}
	for _, f := range figures {
		if f.At.Before(now.Add(-sourceKept)) {
			done.Late++
			continue
		}
		s := source{string(f.Tenant), f.Source}
		by[s] = append(by[s], f)
	}
	if len(by) == 0 {
		return nil
	}
	sources := make([]source, 0, len(by))
	for s := range by {
		sources = append(sources, s)
	}
	slices.SortFunc(sources, source.compare)
	have, err := lockSources(ctx, tx, sources)
	if err != nil {
		return err
	}
	out := &pgx.Batch{}
	for _, s := range sources {
		known, last := have[s], time.Time{}
		for _, f := range by[s] {
			if !known.add(f.N) {
				done.Repeated++
				continue
			}
			done.Figures++
			if f.At.After(last) {
				last = f.At
			}
			if err := ts.at(s.tenant, f.At, func(t *tally) error { return t.figures(f) }); err != nil {
				return err
			}
		}
		if !last.IsZero() {
			out.Queue("UPDATE analytics_sources SET head = $3, beyond = $4, last_at = greatest(last_at, $5) WHERE tenant = $1 AND source = $2",
				s.tenant, s.name, int64(known.head), known.pairs(), last)
		}
	}
	return tx.SendBatch(ctx, out).Close()
}

// lockSources returns what is counted of sources, which come in the order of their keys, and locks it.
func lockSources(ctx context.Context, tx pgx.Tx, sources []source) (map[source]counted, error) {
	var c sourceColumns
	for _, s := range sources {
		c.tenants, c.names = append(c.tenants, s.tenant), append(c.names, s.name)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO analytics_sources (tenant, source, head, beyond, last_at)
		SELECT tenant, source, 0, '{}', '-infinity' FROM unnest($1::text[], $2::text[]) AS u (tenant, source)
		ORDER BY tenant COLLATE "C", source COLLATE "C" ON CONFLICT DO NOTHING`, c.tenants, c.names); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT s.tenant, s.source, s.head, s.beyond
		FROM unnest($1::text[], $2::text[]) AS u (tenant, source)
		JOIN analytics_sources s ON s.tenant = u.tenant AND s.source = u.source
		ORDER BY s.tenant, s.source FOR UPDATE OF s`, c.tenants, c.names)
	if err != nil {
		return nil, err
	}
	have := make(map[source]counted, len(sources))
	var s source
	var head int64
	var beyond []int64
	_, err = pgx.ForEachRow(rows, []any{&s.tenant, &s.name, &head, &beyond}, func() error {
		have[s] = countedOf(head, beyond)
		return nil
	})
	return have, err
}

// answer is how a platform answered pushes.
type answer struct{ channel, outcome string }

// figures counts what a process measured.
func (t *tally) figures(f *eventlog.FiguresRecord) error {
	for _, p := range f.Pushes {
		if t.pushes == nil {
			t.pushes = map[answer]int64{}
		}
		t.pushes[answer{p.Channel, p.Outcome}] += int64(p.Count)
	}
	if f.Deliveries == nil {
		return nil
	}
	t.Deliveries += f.Deliveries.Count()
	return t.delivery.Merge(f.Deliveries)
}

// addPushes adds the tally's to their rows.
func (t *tally) addPushes(ctx context.Context, tx pgx.Tx, p place) error {
	if len(t.pushes) == 0 {
		return nil
	}
	answers := make([]answer, 0, len(t.pushes))
	for a := range t.pushes {
		answers = append(answers, a)
	}
	slices.SortFunc(answers, func(a, b answer) int {
		return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.outcome, b.outcome))
	})
	out := &pgx.Batch{}
	for _, a := range answers {
		out.Queue(`
			INSERT INTO analytics_pushes AS p (tenant, step, start, channel, outcome, pushes) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, step, start, channel, outcome) DO UPDATE SET pushes = p.pushes + excluded.pushes`,
			p.tenant, string(p.step), time.Unix(p.start, 0).UTC(), a.channel, a.outcome, t.pushes[a])
	}
	return tx.SendBatch(ctx, out).Close()
}
