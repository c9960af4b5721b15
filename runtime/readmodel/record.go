package readmodel

import (
	"cmp"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Record is a committed batch. The batch has passed store.CheckBatch.
type Record struct {
	Conv store.Conv
	// Kind is direct or group, empty where it is not known.
	Kind  string
	Batch *logpb.Batch
}

// group is what a call of Apply has for one conversation.
type group struct {
	conv store.Conv
	kind string
	// title is of a conversation that the model does not have yet.
	title   string
	batches []*logpb.Batch
	// head is the model's, and parked whether the conversation is, as of when the group was completed.
	head   uint64
	parked bool
	// bodies are those of the edits that come without, by seq.
	bodies map[uint64]string
	// lost says that the store does not have what is missing before some of the batches.
	lost bool
}

func (g *group) sort() {
	slices.SortStableFunc(g.batches, func(a, b *logpb.Batch) int { return cmp.Compare(store.First(a), store.First(b)) })
}

// byConversation returns records by conversation, in the order in which conversations are locked.
func byConversation(records []Record) []*group {
	found := map[store.Conv]*group{}
	var groups []*group
	for _, r := range records {
		g, ok := found[r.Conv]
		if !ok {
			g = &group{conv: r.Conv}
			found[r.Conv] = g
			groups = append(groups, g)
		}
		g.kind = cmp.Or(g.kind, r.Kind)
		g.batches = append(g.batches, r.Batch)
	}
	for _, g := range groups {
		g.sort()
	}
	slices.SortFunc(groups, func(a, b *group) int { return compareConv(a.conv, b.conv) })
	return groups
}

func compareConv(a, b store.Conv) int {
	return cmp.Or(cmp.Compare(a.Tenant(), b.Tenant()), cmp.Compare(a.ID(), b.ID()))
}

// keys returns the conversations' columns, for unnest.
func keys(groups []*group) (tenants, conversations []string) {
	for _, g := range groups {
		tenants = append(tenants, string(g.conv.Tenant()))
		conversations = append(conversations, g.conv.ID())
	}
	return tenants, conversations
}
