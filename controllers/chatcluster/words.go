package chatcluster

import (
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxWords is how many strings are known at a time.
const maxWords = 8192

// words are strings that many objects in the cache have, each kept once. When there are too many it begins anew, and what was shared
// stays so.
type words struct {
	mu  sync.Mutex
	all map[string]string
}

var lexicon = words{all: map[string]string{}}

func (w *words) one(s string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if same, ok := w.all[s]; ok {
		return same
	}
	if len(w.all) >= maxWords {
		clear(w.all)
	}
	// A part of a larger one would keep that as well.
	s = strings.Clone(s)
	w.all[s] = s
	return s
}

func shared[S ~string](s S) S { return S(lexicon.one(string(s))) }

// shareConditions has objects keep one copy of what their conditions say alike.
func shareConditions(all []metav1.Condition) {
	for i := range all {
		c := &all[i]
		c.Type, c.Status, c.Reason, c.Message = shared(c.Type), shared(c.Status), shared(c.Reason), shared(c.Message)
	}
}
