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

// has says whether the log holds the verdict after seq after, by which entry where that is known, and the head up to which it was looked for; 0: that
// part of the log is gone. as is the name under which it is to be appended otherwise.
func (p *past) has(ctx context.Context, n name, v *logpb.Verdict, after uint64) (there bool, at uint64, as string, head uint64, err error) {
	if p.said == nil || after+1 < p.from {
		if err := p.read(ctx, after+1); err != nil {
			return false, 0, "", 0, err
		}
	}
	if !fold.IsWord(n.id, v) {
		return p.said[n], 0, n.id, p.head, nil
	}
	answered, as := p.words.Weigh(n.id, v)
	if answered != nil {
		return true, answered.Seq, "", p.head, nil
	}
	return false, 0, as, p.head, nil
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
