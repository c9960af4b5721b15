package verdicts

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// pageBatches is how many stored batches are read at a time.
const pageBatches = 256

// name is a processor's name for a verdict.
type name struct{ processor, id string }

// past is which verdicts a conversation's log holds, from a seq up to its head as of when it was read.
type past struct {
	log  Log
	conv store.Conv

	from, head uint64 // nothing was read: 0
	said       map[name]bool
	words      fold.Words
}

// sought is what the log says of a verdict.
type sought struct {
	// found says that it is there, or has its answer there, at seq where that is known.
	found bool
	seq   uint64
	// as is the name under which it is to be appended otherwise, and head up to where it was looked for; 0: that part of the log is gone.
	as   string
	head uint64
}

// seek looks for a verdict behind a seq.
func (p *past) seek(ctx context.Context, n name, v *logpb.Verdict, after uint64) (sought, error) {
	if p.said == nil || after+1 < p.from {
		if err := p.read(ctx, after+1); err != nil {
			return sought{}, err
		}
	}
	if !fold.IsWord(n.id, v) {
		return sought{found: p.said[n], as: n.id, head: p.head}, nil
	}
	answered, as := p.words.Weigh(n.id, v)
	if answered != nil {
		return sought{found: true, seq: answered.Seq, head: p.head}, nil
	}
	return sought{as: as, head: p.head}, nil
}

func (p *past) read(ctx context.Context, from uint64) error {
	said, words, head := map[name]bool{}, fold.Words{}, uint64(0)
	for next := from; ; next = head + 1 {
		page, err := p.log.Read(ctx, p.conv, next, pageBatches)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, s := range page {
			for _, e := range s.Batch.GetEntries() {
				if e.GetVerdict() != nil {
					said[name{e.GetSender(), e.GetClientMsgId()}] = true
					words.Note(e)
				}
			}
			head = store.Last(s.Batch)
		}
	}
	p.from, p.head, p.said, p.words = from, head, said, words
	return nil
}

// entryAt returns the stored entry, nil when it is gone.
func entryAt(ctx context.Context, log Log, c store.Conv, seq uint64) (*logpb.Entry, error) {
	page, err := log.Read(ctx, c, seq, 1)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	return fold.Entry(page[0].Batch, seq), nil
}
