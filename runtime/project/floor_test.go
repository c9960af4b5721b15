package project

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// floors notes the floors that are raised; it fails while err is set.
type floors struct {
	raised map[store.Conv]uint64
	err    error
}

func (f *floors) RaiseTail(context.Context, store.Conv, uint64, uint64) error { return nil }

func (f *floors) RaiseFloor(_ context.Context, c store.Conv, floor uint64) error {
	if f.err == nil {
		f.raised[c] = floor
	}
	return f.err
}

// While a conversation is parked its tail stays: the store learns that its log goes on beyond, at once and with every try.
func TestParkedConversationsRaiseTheirFloor(t *testing.T) {
	c, err := store.NewConv("acme", "c")
	if err != nil {
		t.Fatal(err)
	}
	f := &floors{raised: map[store.Conv]uint64{}}
	reached := uint64(7)
	parked := func() (readmodel.Applied, error) {
		return readmodel.Applied{Parked: []readmodel.Parked{{Conv: c, Reason: "x", Reached: reached}}}, nil
	}
	m := fakeModel{apply: func([]readmodel.Record) (readmodel.Applied, error) { return parked() }, retryParked: parked}
	p := projector(t, m, newFakeCache(), f)
	if err := p.Handle(t.Context(), []eventlog.Record{{}}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(uint64(7), f.raised[c]); d != "" {
		t.Errorf("when it is parked (-want +got):\n%s", d)
	}
	reached, f.err = 9, errBoom
	p.retryParked(t.Context())
	f.err = nil
	p.retryParked(t.Context())
	if d := cmp.Diff(uint64(9), f.raised[c]); d != "" {
		t.Errorf("when it is tried again (-want +got):\n%s", d)
	}
}
