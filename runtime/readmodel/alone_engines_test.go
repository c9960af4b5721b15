//go:build engines

package readmodel

import (
	"context"
	"errors"
	"testing"
)

func TestAloneLetsOneIn(t *testing.T) {
	m := migrated(t)
	ctx := deadline(t)
	nothing := func(context.Context) error { return nil }
	alone := func(name string) bool {
		t.Helper()
		mine, err := m.Alone(ctx, name, nothing)
		if err != nil {
			t.Fatal(err)
		}
		return mine
	}
	failed := errors.New("failed")
	mine, err := m.Alone(ctx, "bob", func(context.Context) error {
		if alone("bob") {
			t.Error("two are at it")
		}
		if !alone("eve") {
			t.Error("another name is another's")
		}
		return failed
	})
	if !mine || !errors.Is(err, failed) {
		t.Errorf("%v, %v", mine, err)
	}
	if !alone("bob") {
		t.Error("whoever has failed lets the next one in")
	}
	canceled, cancel := context.WithCancel(ctx)
	if _, err := m.Alone(canceled, "bob", func(ctx context.Context) error { cancel(); return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if !alone("bob") {
		t.Error("so does whoever was told to stop")
	}
}
