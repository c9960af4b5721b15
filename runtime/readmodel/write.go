package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// tailEvery is how often a conversation's tail mark in the store is raised at most.
const tailEvery = time.Minute

// mode is how groups are written.
type mode struct {
	// retry is for a parked conversation: it is tried again, and goes on when nothing waits any more.
	retry bool
	// refused is why the database refuses the groups' content: what is new in them is parked for that.
	refused error
	// keptFrom is since when entries are kept; zero, since ever.
	keptFrom time.Time
}

// writeTx applies the groups, which are in the order of their keys, in one transaction.
func (m *Model) writeTx(ctx context.Context, groups []*group, how mode) (Applied, error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	var done Applied
	err := pgx.BeginFunc(ctx, m.writer, func(tx pgx.Tx) error {
		done = Applied{}
		return writeGroups(ctx, tx, groups, how, &done)
	})
	if err != nil {
		m.noticeFailover(err)
		return Applied{}, fmt.Errorf("apply to the read model: %w", err)
	}
	return done, nil
}

// noticeFailover drops connections to a server that is no writer any more: the name leads to the new one.
func (m *Model) noticeFailover(err error) {
	if sqlState(err) == codeReadOnly {
		m.writer.Reset()
	}
}

func writeGroups(ctx context.Context, tx pgx.Tx, groups []*group, how mode, done *Applied) error {
	// Parked conversations are locked first: a record is either put behind what waits, or applied after that.
	parked, err := lockParked(ctx, tx, groups)
	if err != nil {
		return err
	}
	out := &pgx.Batch{}
	var live []*group
	for _, g := range groups {
		if !parked[g.conv] || how.retry {
			live = append(live, g)
			continue
		}
		done.Waiting += len(g.batches)
		if err := putBehind(out, g, 0); err != nil {
			return err
		}
	}
	states, err := lockConversations(ctx, tx, live)
	if err != nil {
		return err
	}
	var deltas []delta
	for _, g := range live {
		d, applied, err := g.advance(states[g.conv], how.refused)
		if errors.Is(err, errGap) && !g.lost {
			return err
		}
		if err != nil {
			p := Parked{Conv: g.conv, Reason: column(err.Error()), Reached: store.Last(g.batches[len(g.batches)-1])}
			queuePark(out, p)
			if err := putBehind(out, g, applied); err != nil {
				return err
			}
			done.Parked = append(done.Parked, p)
			done.Waiting += len(g.batches) - applied
		}
		if how.retry {
			queueFree(out, g.conv, d.summary.Head, func() { done.Freed = append(done.Freed, g.conv) })
		}
		deltas = append(deltas, d)
		done.Entries += len(d.entries)
		done.Users = append(done.Users, touched(g.conv, g.batches[:applied])...)
	}
	for i := range deltas {
		if err := deltas[i].foldTargets(ctx, tx); err != nil {
			return err
		}
		if err := deltas[i].review(ctx, tx); err != nil {
			return err
		}
		deltas[i].summary.forget(how.keptFrom)
		done.Summaries = append(done.Summaries, deltas[i].summary)
	}
	queueDeltas(out, deltas, how.keptFrom)
	if out.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, out).Close()
}

// advance is the package's, with everything new refused for the reason if there is one.
func (g *group) advance(s Summary, refused error) (delta, int, error) {
	if refused != nil {
		return delta{summary: s}, 0, refused
	}
	d, applied, err := advance(s, g.batches)
	d.bodies = g.bodies
	return d, applied, err
}

// heads returns the heads of the conversations that the model has, and which are parked.
func (m *Model) heads(ctx context.Context, groups []*group) (map[store.Conv]uint64, map[store.Conv]bool, error) {
	tenants, conversations := keys(groups)
	rows, err := m.writer.Query(ctx, `
		SELECT k.tenant, k.conversation, c.head, p.conversation IS NOT NULL
		FROM unnest($1::text[], $2::text[]) AS k (tenant, conversation)
		LEFT JOIN conversations c ON c.tenant = k.tenant AND c.conversation = k.conversation
		LEFT JOIN parked_conversations p ON p.tenant = k.tenant AND p.conversation = k.conversation`, tenants, conversations)
	if err != nil {
		return nil, nil, fmt.Errorf("read heads: %w", err)
	}
	heads, parked := map[store.Conv]uint64{}, map[store.Conv]bool{}
	var tenant, conversation string
	var head *int64
	var isParked bool
	_, err = pgx.ForEachRow(rows, []any{&tenant, &conversation, &head, &isParked}, func() error {
		c, err := store.NewConv(store.Tenant(tenant), conversation)
		if err != nil {
			return err
		}
		// A conversation that is parked from its first record has a row and nothing in it.
		if head != nil && *head > 0 {
			heads[c] = uint64(*head)
		}
		parked[c] = isParked
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read heads: %w", err)
	}
	return heads, parked, nil
}

// lockConversations makes rows for those that are new and locks all, in the order of their keys.
func lockConversations(ctx context.Context, tx pgx.Tx, groups []*group) (map[store.Conv]Summary, error) {
	states := map[store.Conv]Summary{}
	if len(groups) == 0 {
		return states, nil
	}
	tenants, conversations := keys(groups)
	var kinds, titles []string
	for _, g := range groups {
		kinds, titles = append(kinds, column(g.kind)), append(titles, g.title)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO conversations (tenant, conversation, kind, title, head, count, last_seq, last_at_ms, last_sender, last_preview)
		SELECT k.tenant, k.conversation, k.kind, k.title, 0, 0, 0, 0, '', ''
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS k (tenant, conversation, kind, title, n)
		WHERE NOT EXISTS (SELECT FROM conversations c WHERE c.tenant = k.tenant AND c.conversation = k.conversation)
		ORDER BY n
		ON CONFLICT DO NOTHING`, tenants, conversations, kinds, titles); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, selectSummary+`
		WHERE (c.tenant, c.conversation) IN (SELECT * FROM unnest($1::text[], $2::text[]))
		ORDER BY c.tenant, c.conversation FOR UPDATE OF c`, tenants, conversations)
	if err != nil {
		return nil, err
	}
	summaries, err := pgx.CollectRows(rows, scanSummary)
	for _, s := range summaries {
		states[s.Conv] = s
	}
	return states, err
}

func queueDeltas(out *pgx.Batch, deltas []delta, keptFrom time.Time) {
	var c conversationColumns
	var e entryColumns
	var f foldedColumns
	var v reviewColumns
	r := raises{}
	for _, d := range deltas {
		if len(d.entries) == 0 {
			continue
		}
		c.add(d.summary)
		for _, row := range d.entries {
			if !row.at().Before(keptFrom) {
				e.add(d.summary.Conv, row)
			}
		}
		for _, row := range d.folded {
			f.add(d.summary.Conv, row)
		}
		for _, row := range d.reviews {
			v.add(row)
		}
		for user, seq := range d.reads {
			r.add(d.summary.Conv, user, seq)
		}
		for _, change := range d.members {
			r.add(d.summary.Conv, change.user, 0)
		}
	}
	if len(c.tenants) == 0 {
		return
	}
	e.queue(out)
	f.queue(out)
	v.queue(out)
	if len(r) > 0 {
		sql, args := r.statement()
		out.Queue(sql, args...)
	}
	for _, d := range deltas {
		for _, change := range d.members {
			change.queue(out, d.summary.Conv)
		}
	}
	c.queue(out)
}

// putBehind keeps the group's batches from index from on, behind whatever parked the conversation.
func putBehind(out *pgx.Batch, g *group, from int) error {
	for _, b := range g.batches[from:] {
		data, err := proto.Marshal(b)
		if err != nil {
			return fmt.Errorf("a batch of %s cannot be encoded: %w", g.conv, err)
		}
		out.Queue(`
			INSERT INTO parked_records (tenant, conversation, first_seq, batch_id, kind, batch) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT DO NOTHING`,
			string(g.conv.Tenant()), g.conv.ID(), int64(min(store.First(b), maxSeq)), b.GetId(), column(g.kind), data)
	}
	return nil
}
