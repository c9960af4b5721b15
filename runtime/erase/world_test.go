package erase_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/erase"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var errCut = errors.New("cut off")

// copies is a log where it is kept: entries by their seq, with what was folded into them.
type copies map[uint64]*logpb.Entry

// replay makes a copy from nothing, as a projector does of a topic.
func replay(log []*logpb.Entry) copies {
	c := copies{}
	for _, e := range log {
		c.apply(e)
	}
	return c
}

func (c copies) apply(e *logpb.Entry) {
	c[e.GetSeq()] = proto.CloneOf(e)
	if t := c[fold.Target(e)]; t != nil {
		if _, replaced := fold.Apply(t, e); replaced > 0 && c[replaced] != nil {
			fold.Redact(c[replaced])
		}
	}
}

func (c copies) redact(seqs []uint64) {
	for _, s := range seqs {
		if c[s] != nil {
			fold.Redact(c[s])
		}
	}
}

// world is a cluster in memory: what the topic has, the store and the read model, of two conversations that ann is in or was.
type world struct {
	t     *testing.T
	mu    sync.Mutex
	calls int
	// cut is the call that is the last one; after says that its work is done and only its answer is lost.
	cut   int
	after bool

	topic       map[string][]*logpb.Entry
	hot, model  map[string]copies
	applied     map[string]int
	parked      string // a conversation that the read model does not go on with
	memberships []store.Membership
	places      []string
	devices     []store.Device
	deferrals   int
	cached      bool
	key         bool
	revoked     int
	holds       []readmodel.Hold
	heldAt      int // after so many calls a hold comes
	erasures    []readmodel.Erasure
	tenant      []store.TenantRecord
}

const tenant = "t"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, topic: map[string][]*logpb.Entry{}, hot: map[string]copies{}, model: map[string]copies{}, applied: map[string]int{},
		deferrals: 2, cached: true, key: true, places: []string{"direct", "group", "old"},
		devices: []store.Device{{ID: "phone", PushToken: "secret"}, {ID: "laptop"}},
	}
	say, edit := readmodeltest.Say, readmodeltest.Edit
	direct := readmodeltest.NewLog(t, tenant, "direct", store.Direct)
	direct.Batch(readmodeltest.Add("ann", "ann", "bob"))
	direct.Batch(say("ann", "secret 1"), say("bob", "theirs 1"), edit("ann", 2, "secret 2"), edit("ann", 2, "secret 3"))
	direct.Batch(readmodeltest.React("ann", 3, "👍"), readmodeltest.React("bob", 3, "👍"), readmodeltest.React("ann", 3, "👎"), readmodeltest.Delete("ann", 2))
	direct.Batch(say("ann", "secret 4"), readmodeltest.React("bob", 10, "👍"))
	group := readmodeltest.NewLog(t, tenant, "group", store.Group)
	group.Batch(readmodeltest.Add("ann", "ann", "bob", "cho"))
	for i := range 100 {
		group.Batch(say("ann", fmt.Sprint("secret ", i)), say("cho", fmt.Sprint("theirs ", i)))
	}
	group.Batch(edit("ann", 2, "secret edited"), readmodeltest.React("ann", 3, "👍"))
	// ann has left this one, and one of her messages is gone from the hot store; the edit of it is not.
	old := readmodeltest.NewLog(t, tenant, "old", store.Group)
	old.Batch(readmodeltest.Add("ann", "ann", "bob"))
	old.Batch(say("ann", "secret ancient"), say("bob", "theirs ancient"))
	old.Batch(edit("ann", 2, "secret younger"), readmodeltest.Remove("ann", "ann"))
	for _, l := range []*readmodeltest.Log{direct, group, old} {
		var log []*logpb.Entry
		for _, b := range l.Batches {
			log = append(log, b.GetEntries()...)
		}
		id := l.Conv.ID()
		w.topic[id], w.hot[id], w.model[id], w.applied[id] = log, replay(log), replay(log), len(log)
		m := store.Membership{Conv: l.Conv, Joined: 1}
		if id == "old" {
			m.Left = l.Head()
			delete(w.hot[id], 2)
			delete(w.hot[id], 3)
			w.hot[id][4].GetEdited().Body, w.hot[id][4].GetEdited().Redacted = "secret younger", false
		}
		w.memberships = append(w.memberships, m)
	}
	return w
}

// step is one call: do is its work.
func (w *world) step(do func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.heldAt > 0 && w.calls > w.heldAt && len(w.holds) == 0 {
		w.holds = []readmodel.Hold{{Tenant: tenant, Name: "case 7", User: "ann"}}
	}
	if w.cut > 0 && w.calls > w.cut || w.calls == w.cut && !w.after {
		return errCut
	}
	if err := do(); err != nil {
		return err
	}
	if w.calls == w.cut {
		return errCut
	}
	return nil
}

func (w *world) options() erase.Options {
	u, err := store.NewUser(tenant, "ann")
	if err != nil {
		w.t.Fatal(err)
	}
	o := erase.Options{
		User: u, Store: storeOf{w}, Model: modelOf{w}, Chat: chatOf{w}, Tokens: w, Cache: w, Projected: w.project, Settle: -1, Pseudonyms: w,
		Copies: erase.Copies{Topics: 7 * day, Hot: 30 * day, PointInTime: 35 * day},
	}
	return o
}

func (w *world) run() (erase.Report, error) { return erase.Run(w.t.Context(), w.options()) }

// project applies what is in the topic.
func (w *world) project(context.Context) error {
	return w.step(func() error {
		for id, log := range w.topic {
			if id == w.parked {
				continue
			}
			for _, e := range log[w.applied[id]:] {
				if t := w.hot[id][fold.Target(e)]; t != nil {
					w.hot[id].apply(e)
				} else {
					w.hot[id][e.GetSeq()] = proto.CloneOf(e)
				}
				w.model[id].apply(e)
			}
			w.applied[id] = len(log)
		}
		return nil
	})
}

func (w *world) Revoke(context.Context, store.Revocation) error {
	return w.step(func() error { w.revoked++; return nil })
}

func (w *world) ForgetUser(_ context.Context, _ store.User, convs []store.Conv) error {
	return w.step(func() error {
		if w.cached && len(convs) != len(w.topic) {
			return fmt.Errorf("the cache is told of %d conversations, want %d", len(convs), len(w.topic))
		}
		w.cached = false
		return nil
	})
}

func (w *world) Forget(context.Context, string, store.User) error {
	return w.step(func() error { w.key = false; return nil })
}

// storeOf, modelOf and chatOf are the sides of it.
type (
	storeOf struct{ *world }
	modelOf struct{ *world }
	chatOf  struct{ *world }
)

func (w storeOf) Tenants(context.Context, ...store.Tenant) (out []store.TenantRecord, err error) {
	return w.tenant, w.step(func() error { return nil })
}

func (w storeOf) Memberships(context.Context, store.User) (out []store.Membership, err error) {
	err = w.step(func() error { out = slices.Clone(w.memberships); return nil })
	return out, err
}

func (w storeOf) Devices(context.Context, store.User) (out []store.Device, err error) {
	err = w.step(func() error { out = w.devices; return nil })
	return out, err
}

func (w storeOf) Read(_ context.Context, c store.Conv, from uint64, limit int) (out []store.Stored, err error) {
	err = w.step(func() error {
		for seq := from; seq <= uint64(len(w.topic[c.ID()])) && len(out) < limit; seq++ {
			if e := w.hot[c.ID()][seq]; e != nil {
				out = append(out, store.Stored{Batch: &logpb.Batch{Entries: []*logpb.Entry{proto.CloneOf(e)}}})
			}
		}
		return nil
	})
	return out, err
}

func (w storeOf) RedactEdits(_ context.Context, c store.Conv, seqs ...uint64) error {
	return w.step(func() error { w.hot[c.ID()].redact(seqs); return nil })
}

func (w storeOf) PurgeDeferrals(context.Context, store.User) (int, error) {
	return 0, w.step(func() error { w.deferrals = 0; return nil })
}

func (w storeOf) PurgeUser(context.Context, store.User) error {
	return w.step(func() error {
		if w.places != nil || w.cached || w.deferrals > 0 {
			return errors.New("what names the rest goes before the rest")
		}
		w.memberships, w.devices = nil, nil
		return nil
	})
}

func (w modelOf) BeginErasure(context.Context, store.User) (e readmodel.Erasure, err error) {
	err = w.step(func() error {
		for _, old := range w.erasures {
			if !old.Done {
				e = old
				return nil
			}
		}
		e = readmodel.Erasure{ID: fmt.Sprintf("0198f0c0-0000-7000-8000-%012d", len(w.erasures)), Report: []byte("{}")}
		w.erasures = append(w.erasures, e)
		return nil
	})
	return e, err
}

func (w modelOf) NoteErasure(_ context.Context, _ store.User, e readmodel.Erasure) error {
	return w.step(func() error { w.erasures[len(w.erasures)-1] = e; return nil })
}

func (w modelOf) HoldsOn(context.Context, store.User) (out []readmodel.Hold, err error) {
	err = w.step(func() error { out = w.holds; return nil })
	return out, err
}

func (w modelOf) UserConversations(context.Context, store.User) (out []string, err error) {
	err = w.step(func() error { out = w.places; return nil })
	return out, err
}

func (w modelOf) Head(_ context.Context, c store.Conv) (head uint64, err error) {
	err = w.step(func() error { head = uint64(w.applied[c.ID()]); return nil })
	return head, err
}

func (w modelOf) OwnEntries(_ context.Context, u store.User, c store.Conv, from, to uint64) (out []*logpb.Entry, err error) {
	err = w.step(func() error {
		for seq := from; seq <= to; seq++ {
			if e := w.model[c.ID()][seq]; e.GetSender() == u.ID() {
				out = append(out, proto.CloneOf(e))
			}
		}
		return nil
	})
	return out, err
}

func (w modelOf) EntriesAt(_ context.Context, c store.Conv, seqs []uint64) (out []*logpb.Entry, err error) {
	err = w.step(func() error {
		for _, s := range seqs {
			if e := w.model[c.ID()][s]; e != nil {
				out = append(out, proto.CloneOf(e))
			}
		}
		return nil
	})
	return out, err
}

func (w modelOf) RedactEdits(_ context.Context, c store.Conv, seqs ...uint64) error {
	return w.step(func() error { w.model[c.ID()].redact(seqs); return nil })
}

func (w modelOf) PurgeUser(context.Context, store.User) error {
	return w.step(func() error { w.places = nil; return nil })
}

// Ask is the chat service: the same name is the same entry.
func (w chatOf) Ask(_ context.Context, s *chatpb.Send) error {
	return w.step(func() error {
		if !s.GetErasure() || s.GetTenant() != tenant || s.GetUser() != "ann" || len(s.GetClientMsgId()) > 64 {
			return fmt.Errorf("asked for %v", s)
		}
		id := s.GetConversation()
		log := w.topic[id]
		if slices.ContainsFunc(log, func(e *logpb.Entry) bool { return e.GetClientMsgId() == s.GetClientMsgId() }) {
			return nil
		}
		e := &logpb.Entry{Seq: uint64(len(log)) + 1, Sender: "ann", ClientMsgId: s.GetClientMsgId(), AtMs: 1, Count: log[len(log)-1].GetCount()}
		switch k := s.GetChange().(type) {
		case *chatpb.Send_Deleted:
			e.Kind = &logpb.Entry_Deleted{Deleted: k.Deleted}
		case *chatpb.Send_Reacted:
			e.Kind = &logpb.Entry_Reacted{Reacted: k.Reacted}
		case *chatpb.Send_MembersRemoved:
			e.Kind = &logpb.Entry_MembersRemoved{MembersRemoved: k.MembersRemoved}
			for i, m := range w.memberships {
				if m.Conv.ID() == id {
					w.memberships[i].Left = e.GetSeq()
				}
			}
		}
		w.topic[id] = append(log, e)
		w.hot[id][e.GetSeq()] = proto.CloneOf(e)
		return nil
	})
}

// said is every body that a copy has.
func said(c copies) (out []string) {
	for _, e := range c {
		if body := e.GetMessage().GetBody() + e.GetEdited().GetBody(); body != "" {
			out = append(out, body)
		}
		for _, r := range e.GetMessage().GetReactions() {
			out = append(out, r.GetUser()+" "+r.GetEmoji())
		}
	}
	slices.Sort(out)
	return out
}

// outcome is all that is left.
func (w *world) outcome() map[string]any {
	out := map[string]any{
		"memberships": len(w.memberships), "places": len(w.places), "devices": len(w.devices), "deferrals": w.deferrals, "cached": w.cached, "key": w.key,
	}
	for id, log := range w.topic {
		out["store "+id], out["model "+id], out["replayed "+id] = said(w.hot[id]), said(w.model[id]), said(replay(log))
		names := map[string]int{}
		for _, e := range log {
			names[e.GetClientMsgId()]++
		}
		for name, n := range names {
			if n > 1 {
				w.t.Errorf("%s is in the log of %s %d times", name, id, n)
			}
		}
		out["entries "+id] = len(log)
	}
	return out
}

func (w *world) compare(what string, want, got any) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
