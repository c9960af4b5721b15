package project

import (
	"context"
	"errors"
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// logPage is how many batches are read at a time to find a log's end.
const logPage = 100

// Truth is the store that a read model is made anew of.
type Truth interface {
	store.Walks
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
	Members(ctx context.Context, c store.Conv) ([]store.Member, error)
	Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error)
}

// Rebuilt is what Rebuild did.
type Rebuilt struct {
	// Conversations have been looked at; of Expired ones the store has no message any more.
	Conversations int `json:"conversations"`
	Expired       int `json:"expired"`
	// Entries were not in the model, Marks are how far users have read.
	Entries int `json:"entries"`
	Marks   int `json:"marks"`
	// Parked need a person, Waiting records wait behind what neither the model nor the store has.
	Parked  int `json:"parked"`
	Waiting int `json:"waiting"`
}

// Rebuild brings a read model to what the store holds: one that was lost, or that is of an earlier time than the store. What the model has
// already changes nothing. It may run beside the projector, and be cut off and begun anew. told hears how far it is, conversation by conversation.
func Rebuild(ctx context.Context, truth Truth, model Model, told func(Rebuilt)) (r Rebuilt, err error) {
	err = truth.EachConversation(ctx, func(c store.Conv) error {
		if err := rebuild(ctx, truth, model, c, &r); err != nil {
			return fmt.Errorf("conversation %s: %w", c, err)
		}
		told(r)
		return nil
	})
	// What the cache has was made of the model as it was.
	return r, errors.Join(err, model.OweCache(context.WithoutCancel(ctx)))
}

// rebuild has the model apply the last batch of a conversation: it reads what it lacks before that by itself.
func rebuild(ctx context.Context, truth Truth, model Model, c store.Conv, r *Rebuilt) error {
	conv, err := truth.Conversation(ctx, c)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it was deleted meanwhile
	}
	if err != nil {
		return err
	}
	r.Conversations++
	last, err := lastBatch(ctx, truth, conv)
	if err != nil {
		return err
	}
	if last == nil {
		r.Expired++
		return nil
	}
	applied, err := model.Apply(ctx, []readmodel.Record{{Conv: c, Kind: conv.Kind, Batch: last}})
	if err != nil {
		return err
	}
	r.Entries, r.Parked, r.Waiting = r.Entries+applied.Entries, r.Parked+len(applied.Parked), r.Waiting+applied.Waiting
	members, err := truth.Members(ctx, c)
	if err != nil {
		return err
	}
	var marks []readmodel.Mark
	for _, m := range members {
		place, err := truth.Membership(ctx, m.User, c)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if place.Read > 0 {
			marks = append(marks, readmodel.Mark{User: m.User, Conv: c, Read: place.Read})
		}
	}
	r.Marks += len(marks)
	return model.ApplyMarks(ctx, marks)
}

// lastBatch is the last one of a log, nil when all have expired.
func lastBatch(ctx context.Context, truth Truth, conv store.Conversation) (last *logpb.Batch, err error) {
	for from := max(conv.Tail, conv.Floor, 1); ; {
		page, err := truth.Read(ctx, conv.Conv, from, logPage)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return last, nil
		}
		last = page[len(page)-1].Batch
		from = store.Last(last) + 1
	}
}
