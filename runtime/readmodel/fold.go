package readmodel

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// foldStored folds into the store what the groups are about to bring.
func (w *Writer) foldStored(ctx context.Context, groups []*group, how mode) error {
	limited, limitedCtx := errgroup.WithContext(ctx)
	limited.SetLimit(lookups)
	for _, g := range groups {
		if how.refused != nil || (g.parked && !how.retry) {
			continue
		}
		entries := folding(g)
		if len(entries) == 0 {
			continue
		}
		limited.Go(func() error {
			if err := w.src.Fold(limitedCtx, g.conv, entries); err != nil {
				return fmt.Errorf("fold into the stored messages of %s: %w", g.conv, err)
			}
			return w.readBodies(limitedCtx, g, entries)
		})
	}
	return limited.Wait()
}

// folding returns, of the entries that advance would apply, those that change a message.
func folding(g *group) []*logpb.Entry {
	var entries []*logpb.Entry
	head := g.head
	for _, b := range g.batches {
		if store.Last(b) <= head {
			continue
		}
		if store.First(b) > head+1 || check(g.conv, b) != nil {
			break
		}
		for _, e := range b.GetEntries() {
			if e.GetSeq() > head && fold.Target(e) > 0 {
				entries = append(entries, e)
			}
		}
		head = store.Last(b)
	}
	return entries
}

// foldTargets folds the delta's entries into the messages that they target: its own rows, and those that the model has. The caller
// holds the conversation's lock.
func (d *delta) foldTargets(ctx context.Context, tx pgx.Tx) error {
	f := &folder{own: map[uint64]int{}, loaded: map[uint64]*logpb.Entry{}, changed: map[uint64]*logpb.Entry{}, d: d}
	var folding []*logpb.Entry
	var wanted []uint64
	for i, r := range d.entries {
		f.own[r.entry.GetSeq()] = i
		if target := fold.Target(r.entry); target > 0 {
			folding = append(folding, d.toFold(r.entry))
			wanted = append(wanted, target)
		}
	}
	if len(folding) == 0 {
		return nil
	}
	if err := f.load(ctx, tx, wanted); err != nil {
		return err
	}
	edits := map[uint64]bool{}
	for _, e := range folding {
		target := f.entry(fold.Target(e))
		if target == nil {
			continue
		}
		changed, replaced := fold.Apply(target, e)
		if changed {
			f.changed[target.GetSeq()] = target
		}
		for _, seq := range []uint64{replaced, fold.Covered(target)} {
			if seq > 0 {
				edits[seq] = true
			}
		}
	}
	if err := f.load(ctx, tx, slices.Collect(maps.Keys(edits))); err != nil {
		return err
	}
	for seq := range edits {
		if e := f.entry(seq); e != nil && fold.Redact(e) {
			f.changed[seq] = e
		}
	}
	return f.finish()
}

// folder is a conversation's entries while others are folded into them.
type folder struct {
	d *delta
	// own are the delta's rows by seq, loaded are the model's, changed are those of both that have changed.
	own             map[uint64]int
	loaded, changed map[uint64]*logpb.Entry
}

// entry returns the entry to be changed, nil where there is none.
func (f *folder) entry(seq uint64) *logpb.Entry {
	if e, ok := f.changed[seq]; ok {
		return e
	}
	if i, ok := f.own[seq]; ok {
		return proto.CloneOf(f.d.entries[i].entry)
	}
	return f.loaded[seq]
}

// load reads entries that are neither the delta's nor read already.
func (f *folder) load(ctx context.Context, tx pgx.Tx, seqs []uint64) error {
	var missing []int64
	for _, seq := range seqs {
		if _, own := f.own[seq]; !own && f.loaded[seq] == nil {
			missing = append(missing, int64(seq))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	c := f.d.summary.Conv
	rows, err := tx.Query(ctx, "SELECT entry FROM messages WHERE tenant = $1 AND conversation = $2 AND seq = ANY ($3)", string(c.Tenant()), c.ID(), missing)
	if err != nil {
		return err
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	for _, e := range entries {
		f.loaded[e.GetSeq()] = e
	}
	return err
}

// finish puts what has changed into the delta.
func (f *folder) finish() error {
	for _, seq := range slices.Sorted(maps.Keys(f.changed)) {
		e := f.changed[seq]
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
		if err != nil {
			return fmt.Errorf("seq %d of %s cannot be encoded", seq, f.d.summary.Conv)
		}
		if i, ok := f.own[seq]; ok {
			f.d.entries[i].entry, f.d.entries[i].bytes = e, data
		} else {
			f.d.folded = append(f.d.folded, row{entry: e, bytes: data})
		}
		if seq == f.d.summary.LastSeq {
			f.d.summary.LastPreview = previewOf(e.GetMessage())
		}
	}
	return nil
}

func scanEntry(row pgx.CollectableRow) (*logpb.Entry, error) {
	var data []byte
	if err := row.Scan(&data); err != nil {
		return nil, err
	}
	e := &logpb.Entry{}
	return e, proto.Unmarshal(data, e)
}
