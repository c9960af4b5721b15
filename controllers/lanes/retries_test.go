package lanes_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/chatcluster/chatcluster/controllers/lanes"
)

// Of a thousand that fail together no more than a few come back in the same fiftieth of the time.
func TestThoseThatFailTogetherComeBackApart(t *testing.T) {
	const many, parts = 1000, 50
	limiter := lanes.Retries(time.Second, time.Minute)
	counts := map[int]int{}
	for i := range many {
		request := reconcile.Request{NamespacedName: types.NamespacedName{Name: fmt.Sprint(i)}}
		first := limiter.When(request)
		if first < time.Second || first > 2*time.Second {
			t.Fatalf("the first delay is %s", first)
		}
		counts[int((first-time.Second)*parts/time.Second)]++
		if second := limiter.When(request); second < 2*time.Second || second > 4*time.Second {
			t.Fatalf("the second delay is %s", second)
		}
	}
	for part, n := range counts {
		if n > 3*many/parts {
			t.Errorf("%d of %d come in part %d of %d", n, many, part, parts)
		}
	}
	limiter.Forget(reconcile.Request{NamespacedName: types.NamespacedName{Name: "0"}})
	for range 20 {
		if d := limiter.When(reconcile.Request{NamespacedName: types.NamespacedName{Name: "0"}}); d > 2*time.Minute {
			t.Fatalf("it waits for %s", d)
		}
	}
}
