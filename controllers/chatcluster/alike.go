package chatcluster

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

const (
	// samplesOfKind is how many contents of a kind are a dictionary for all that come after, and maxSamples how large it is at most, in bytes.
	samplesOfKind = 16
	maxSamples    = 32 << 10
)

// How squeezed contents are kept, by their last byte.
const (
	asTheyAre byte = iota
	byDictionary
)

// alike keeps contents of children as what tells them from others of their kind: from ChatCluster to ChatCluster little differs. The first
// of a kind are kept whole, and are the dictionary of all later ones.
type alike struct {
	mu    sync.RWMutex
	kinds map[reflect.Type]*ofKind
}

type ofKind struct {
	taken      int
	data       []byte
	dictionary *s2.Dict
}

// cached are those of this process's cache.
var cached = alike{kinds: map[reflect.Type]*ofKind{}}

// squeeze returns the data of a kind in little space. It may use data's own.
func (a *alike) squeeze(kind reflect.Type, data []byte) []byte {
	if d := a.dictionary(kind); d != nil {
		return append(d.Encode(nil, data), byDictionary)
	}
	a.sample(kind, data)
	return append(data, asTheyAre)
}

// unsqueeze returns what was squeezed.
func (a *alike) unsqueeze(kind reflect.Type, squeezed []byte) ([]byte, error) {
	last := len(squeezed) - 1
	if last < 0 {
		return nil, fmt.Errorf("nothing of a %v is kept", kind)
	}
	if squeezed[last] == asTheyAre {
		return squeezed[:last], nil
	}
	d := a.dictionary(kind)
	if d == nil {
		return nil, fmt.Errorf("no %v was squeezed here", kind)
	}
	return d.Decode(nil, squeezed[:last])
}

func (a *alike) dictionary(kind reflect.Type) *s2.Dict {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if k := a.kinds[kind]; k != nil {
		return k.dictionary
	}
	return nil
}

// sample takes data into the dictionary to be.
func (a *alike) sample(kind reflect.Type, data []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.kinds[kind]
	if k == nil {
		k = &ofKind{}
		a.kinds[kind] = k
	}
	if k.dictionary != nil {
		return
	}
	if len(k.data)+len(data) <= maxSamples {
		k.data = append(k.data, data...)
	}
	if k.taken++; k.taken >= samplesOfKind {
		// There is none of too little: then it is begun anew.
		k.dictionary, k.data, k.taken = s2.MakeDict(slices.Clip(k.data), nil), nil, 0
	}
}
