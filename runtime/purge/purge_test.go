package purge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/purge"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var errBoom = errors.New("boom")

// world is what a purge works on, in memory. It notes every deletion in order.
type world struct {
	mu      sync.Mutex
	record  *store.TenantRecord
	convs   map[string]bool // in the read model
	stored  map[string]bool // in the store
	users   map[string]bool
	devices int
	cached  bool
	notes   []store.PurgeProgress
	did     []string
	// fail fails what is said, once.
	fail  string
	holds []readmodel.Hold
	// reborn comes back that many times.
	reborn int
}

func newWorld(state store.TenantState, convs int) *world {
	w := &world{convs: map[string]bool{}, stored: map[string]bool{}, users: map[string]bool{"ann": true, "bob": true}, devices: 3, cached: true}
	for i := range convs {
		w.convs[fmt.Sprint("c", i)], w.stored[fmt.Sprint("c", i)] = true, true
	}
	if state != "" {
		w.record = &store.TenantRecord{Tenant: "t", State: state}
	}
	return w
}

func (w *world) step(what string) error {
	w.did = append(w.did, what)
	if w.fail != "" && strings.HasPrefix(what, w.fail) {
		w.fail = ""
		return errBoom
	}
	return nil
}

func (w *world) Tenants(context.Context, ...store.Tenant) ([]store.TenantRecord, error) {
	if w.record == nil {
		return nil, nil
	}
	return []store.TenantRecord{*w.record}, nil
}

func (w *world) NotePurge(_ context.Context, _ store.Tenant, p store.PurgeProgress) error {
	w.notes = append(w.notes, p)
	w.record.Purge = p
	return nil
}

func (w *world) PurgeDevices(context.Context, store.Tenant) (int, error) {
	n := w.devices
	w.devices = 0
	if w.reborn > 0 {
		w.reborn--
		w.devices = 1
	}
	return n, w.step("devices")
}

func (w *world) ForgetTenant(context.Context, store.Tenant) error {
	w.cached = false
	return w.step("cache")
}

// storeOf and modelOf are the store's and the read model's side.
type (
	storeOf struct{ *world }
	modelOf struct{ *world }
)

func (w storeOf) PurgeConversation(_ context.Context, c store.Conv, _ uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.step("store " + c.ID()); err != nil {
		return err
	}
	delete(w.stored, c.ID())
	return nil
}

func (w storeOf) PurgeUser(_ context.Context, u store.User) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.step("store user " + u.ID())
}

func (w modelOf) TenantConversations(_ context.Context, t store.Tenant, limit int) ([]readmodel.Reached, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []readmodel.Reached
	for id := range w.convs {
		c, err := store.NewConv(t, id)
		if err != nil {
			return nil, err
		}
		if out = append(out, readmodel.Reached{Conv: c}); len(out) == limit {
			break
		}
	}
	return out, nil
}

func (w modelOf) CountConversations(context.Context, store.Tenant) (int64, error) {
	return int64(len(w.convs)), nil
}

func (w modelOf) PurgeConversation(_ context.Context, c store.Conv) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stored[c.ID()] {
		return errors.New("the read model forgets what the store still has")
	}
	delete(w.convs, c.ID())
	return w.step("model " + c.ID())
}

func (w modelOf) TenantUsers(_ context.Context, t store.Tenant, _ int) ([]store.User, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []store.User
	for id := range w.users {
		u, err := store.NewUser(t, id)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

func (w modelOf) PurgeUser(_ context.Context, u store.User) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.users, u.ID())
	return w.step("model user " + u.ID())
}

func (w modelOf) PurgeFigures(context.Context, store.Tenant) error { return w.step("figures") }

func (w modelOf) Holds(context.Context, store.Tenant) ([]readmodel.Hold, error) { return w.holds, nil }

func (w modelOf) PurgeErasures(context.Context, store.Tenant) error { return w.step("erasures") }

func (w *world) run(t *testing.T) (store.PurgeProgress, error) {
	t.Helper()
	return purge.Run(t.Context(), purge.Options{
		Tenant: "t", Store: storeOf{w}, Model: modelOf{w}, Cache: w, Settle: -1, Projected: func(context.Context) error { return w.step("projected") },
	})
}

func (w *world) left() string {
	return fmt.Sprintf("%d conversations, %d stored, %d users, %d devices, cached %v", len(w.convs), len(w.stored), len(w.users), w.devices, w.cached)
}

const nothing = "0 conversations, 0 stored, 0 users, 0 devices, cached false"

func TestAPurgeLeavesNothingAndTellsHowFarItIs(t *testing.T) {
	w := newWorld(store.TenantDeleting, 250)
	got, err := w.run(t)
	if err != nil || w.left() != nothing {
		t.Fatalf("%s are left: %v", w.left(), err)
	}
	want := store.PurgeProgress{Phase: purge.PhaseDone, Conversations: 250, Users: 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, w.record.Purge); diff != "" {
		t.Errorf("what the operator reads (-want +got):\n%s", diff)
	}
	var phases []string
	for _, n := range w.notes {
		phases = append(phases, n.Phase)
	}
	first := []string{purge.PhaseSettling, purge.PhaseProjecting, purge.PhaseConversations, purge.PhaseUsers, purge.PhaseDevices, purge.PhaseCache}
	if diff := cmp.Diff(first, slices.Compact(phases)[:len(first)]); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
	if w.notes[2].Left != 250 {
		t.Errorf("at first %d conversations are left, want 250", w.notes[2].Left)
	}
	if w.did[0] != "projected" {
		t.Errorf("it began with %q, before what was published was projected", w.did[0])
	}
}

// Whatever fails, the next attempt goes on and the attempts' counts add up.
func TestAPurgeThatWasCutOffGoesOn(t *testing.T) {
	for _, at := range []string{"projected", "store c", "model c", "store user", "model user", "devices", "erasures", "cache"} {
		t.Run(at, func(t *testing.T) {
			w := newWorld(store.TenantDeleting, 20)
			w.fail = at
			if _, err := w.run(t); !errors.Is(err, errBoom) {
				t.Fatalf("%v, want the failure", err)
			}
			if _, err := w.run(t); err != nil || w.left() != nothing {
				t.Errorf("%s are left: %v", w.left(), err)
			}
			if n := w.record.Purge; n.Phase != purge.PhaseDone || n.Conversations > 20 {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestWhoIsServedIsNotPurged(t *testing.T) {
	for _, state := range []store.TenantState{store.TenantActive, store.TenantSuspended, store.TenantRetained} {
		w := newWorld(state, 3)
		if _, err := w.run(t); !errors.Is(err, purge.ErrServed) || len(w.did) != 0 {
			t.Errorf("%s: %v after %q; want a refusal", state, err, w.did)
		}
	}
	w := newWorld("", 3)
	if _, err := w.run(t); err != nil || w.left() != nothing || len(w.notes) != 0 {
		t.Errorf("a tenant without a record: %s are left, %v", w.left(), err)
	}
}

// A hold on anything of the tenant stops all of it, and says which it is: the operator passes that on.
func TestWhoIsHeldIsNotPurged(t *testing.T) {
	w := newWorld(store.TenantDeleting, 3)
	w.holds = []readmodel.Hold{{Tenant: "t", Name: "case 7", User: "ann"}, {Tenant: "t", Name: "case 8"}}
	before := w.left()
	_, err := w.run(t)
	if !errors.Is(err, readmodel.ErrHeld) || !strings.Contains(err.Error(), "case 7") || !strings.Contains(err.Error(), "1 more") {
		t.Errorf("%v, want the holds", err)
	}
	if w.left() != before || len(w.did) != 0 {
		t.Errorf("%s are left after %q", w.left(), w.did)
	}
	w.holds = nil
	if _, err := w.run(t); err != nil || w.left() != nothing {
		t.Errorf("released: %s are left, %v", w.left(), err)
	}
}

// What comes in between is found, and what comes all the time is told of.
func TestAPurgeLooksTwice(t *testing.T) {
	w := newWorld(store.TenantDeleting, 1)
	w.reborn = 1
	if _, err := w.run(t); err != nil || w.left() != nothing {
		t.Errorf("%s are left: %v", w.left(), err)
	}
	w = newWorld(store.TenantDeleting, 1)
	w.reborn = 100
	if _, err := w.run(t); err == nil {
		t.Error("it ended well while somebody writes")
	}
}
