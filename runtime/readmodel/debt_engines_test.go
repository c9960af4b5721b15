//go:build engines

package readmodel

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
)

func TestCacheDebt(t *testing.T) {
	ctx := deadline(t)
	w := NewWriter(migrated(t), readmodeltest.NewSource())
	debt := func() int64 {
		t.Helper()
		d, err := w.CacheDebt(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if debt() != 0 {
		t.Fatal("a debt from the beginning")
	}
	do(w.OweCache(ctx))
	first := debt()
	do(w.OweCache(ctx))
	second := debt()
	do(w.CachePaid(ctx, first))
	if first == second || debt() != second {
		t.Error("what came after is taken for paid")
	}
	do(w.CachePaid(ctx, second))
	if debt() != 0 {
		t.Error("paid, and still there")
	}
	do(w.OweCache(ctx))
	if debt() <= second {
		t.Error("a generation came again: who is slow to pay the old one takes the new one for paid")
	}
}
