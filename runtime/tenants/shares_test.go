package tenants_test

import (
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tenants"
)

// board is where pods tell each other, without a Redis.
type board struct {
	mu   sync.Mutex
	of   map[string]map[store.Tenant]int64
	down bool
}

func (b *board) ShareUse(_ context.Context, _, pod string, use map[store.Tenant]int64) (map[store.Tenant]cache.Use, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return nil, errBoom
	}
	if b.of == nil {
		b.of = map[string]map[store.Tenant]int64{}
	}
	b.of[pod] = maps.Clone(use)
	out := map[store.Tenant]cache.Use{}
	for t := range use {
		for p, theirs := range b.of {
			if p != pod && theirs[t] > 0 {
				u := out[t]
				u.Total, u.Pods = u.Total+theirs[t], u.Pods+1
				out[t] = u
			}
		}
	}
	return out, nil
}

func TestPodsShareAQuota(t *testing.T) {
	b := &board{}
	use := map[string]map[store.Tenant]int64{}
	pod := func(name string) *tenants.Shares {
		s, err := tenants.NewShares(tenants.SharesOptions{
			Board: b, Pod: name, What: "things", Mine: func() map[store.Tenant]int64 { return maps.Clone(use[name]) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one, two := pod("1"), pod("2")
	exchange := func(a, b int64) {
		use["1"], use["2"] = map[store.Tenant]int64{"t": a}, map[store.Tenant]int64{"t": b}
		for range 2 {
			one.Exchange(t.Context())
			two.Exchange(t.Context())
		}
	}
	cases := []struct {
		reason       string
		mine, theirs int64
		left, others int
	}{
		{"alone, one has all of it", 5, 0, 100, 95},
		{"what the others use is not left", 30, 20, 80, 70},
		{"who comes late gets an equal part", 100, 1, 99, 50},
		{"nobody gets less than that", 100, 100, 50, 50},
	}
	for _, tc := range cases {
		exchange(tc.mine, tc.theirs)
		if got, other := one.Left("t", 100), two.Left("t", 100); got != tc.left || other != tc.others {
			t.Errorf("%s: %d and %d are left, want %d and %d", tc.reason, got, other, tc.left, tc.others)
		}
	}
	if got := one.Left("t", 1); got != 1 {
		t.Errorf("of a quota of one, %d is left: it could never be used", got)
	}
	// Who stops using it says so at once.
	use["2"] = nil
	two.Exchange(t.Context())
	one.Exchange(t.Context())
	if got := one.Left("t", 100); got != 100 {
		t.Errorf("%d is left when the other has stopped, want 100", got)
	}
	b.down = true
	exchange(100, 100)
	if got := one.Left("t", 100); got != 100 {
		t.Errorf("without a cache %d is left, want all", got)
	}
}
