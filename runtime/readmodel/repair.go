package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// repairPage is how many batches are read at a time, repairChunk how many are applied at a time.
	repairPage  = 64
	repairChunk = 512
	// owedFor is how long after its commit a batch that Kafka never brought is still owed to Kafka's other readers: an older
	// one is not worth a push, and rebuilding the model must not flood the topic.
	owedFor = 24 * time.Hour
)

// repair adds to the group what is missing between the model's head and its batches. Where the store does not have it the group is left as
// it is, and writing it parks the conversation.
func (w *Writer) repair(ctx context.Context, g *group, how mode, total *Applied) error {
	var whole []*logpb.Batch
	g.lost = false
	next := g.head + 1
	for i, b := range g.batches {
		for next < store.First(b) {
			missing, err := w.missing(ctx, g.conv, next, store.First(b))
			if err != nil {
				return err
			}
			if len(missing) == 0 {
				// The rest waits behind the gap.
				g.batches = append(whole, g.batches[i:]...)
				g.lost = true
				return nil
			}
			whole = append(whole, missing...)
			next = store.Last(missing[len(missing)-1]) + 1
			for _, b := range missing {
				total.Repaired += len(b.GetEntries())
			}
			if len(whole) >= repairChunk {
				chunk := *g
				chunk.batches = whole
				if err := w.write(ctx, []*group{&chunk}, how, total); err != nil {
					return err
				}
				whole, g.head = nil, next-1
			}
		}
		next = max(next, store.Last(b)+1)
		whole = append(whole, b)
	}
	g.batches = whole
	return nil
}

// missing returns stored batches from the one that holds seq next on, those that start before end. None: the store has not got it.
func (w *Writer) missing(ctx context.Context, c store.Conv, next, end uint64) ([]*logpb.Batch, error) {
	stored, err := w.src.Read(ctx, c, next, repairPage)
	if err != nil {
		return nil, fmt.Errorf("read missing entries of %s from %d: %w", c, next, err)
	}
	var found []*logpb.Batch
	for _, s := range stored {
		if store.First(s.Batch) > next || store.First(s.Batch) >= end {
			break
		}
		if store.Last(s.Batch) < next {
			continue
		}
		// Kafka's other readers go by what Kafka brings: before the tail mark passes the batch, Kafka must be owed it.
		if last := s.Batch.GetEntries()[len(s.Batch.GetEntries())-1]; w.now().Sub(time.UnixMilli(last.GetAtMs())) < owedFor {
			if err := w.src.MarkOutbox(ctx, c, store.First(s.Batch)); err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, fmt.Errorf("owe Kafka batch %d of %s: %w", store.First(s.Batch), c, err)
			}
		}
		found = append(found, s.Batch)
		next = store.Last(s.Batch) + 1
	}
	return found, nil
}
