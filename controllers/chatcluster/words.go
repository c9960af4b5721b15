package chatcluster

import (
	"reflect"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// maxWords is how many strings, owners and sets of labels are known at a time.
const maxWords = 2048

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

// tidy has everything below v keep one copy of the strings that many objects have, and slices no more room than they need. v can be set.
func tidy(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 {
			v.SetString(shared(v.String()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			tidy(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				tidy(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Cap() > v.Len() {
			exact := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(exact, v)
			v.Set(exact)
		}
		for i := range v.Len() {
			tidy(v.Index(i))
		}
	}
}

// family is the owner references that all children of one owner have.
type family struct {
	mu  sync.Mutex
	all map[types.UID][]metav1.OwnerReference
}

var families = family{all: map[types.UID][]metav1.OwnerReference{}}

// one returns owners as another child of the same owner has them already. Nobody changes what is in the cache.
func (f *family) one(owners []metav1.OwnerReference) []metav1.OwnerReference {
	if len(owners) != 1 {
		return owners
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	uid := owners[0].UID
	if same := f.all[uid]; equality.Semantic.DeepEqual(same, owners) {
		return same
	}
	if len(f.all) >= maxWords {
		clear(f.all)
	}
	tidy(reflect.ValueOf(&owners).Elem())
	f.all[owners[0].UID] = owners
	return owners
}

// labelSets are the labels that children have; those of one role have the same.
type labelSets struct {
	mu  sync.Mutex
	all map[string]map[string]string
}

var labellings = labelSets{all: map[string]map[string]string{}}

// one returns labels as another object has them already. Nobody changes what is in the cache.
func (l *labelSets) one(set map[string]string) map[string]string {
	if len(set) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	name := labels.Set(set).String()
	if same, ok := l.all[name]; ok {
		return same
	}
	if len(l.all) >= maxWords {
		clear(l.all)
	}
	same := make(map[string]string, len(set))
	for k, v := range set {
		same[shared(k)] = shared(v)
	}
	l.all[name] = same
	return same
}
