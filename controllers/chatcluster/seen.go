package chatcluster

import (
	"crypto/sha256"
	"hash/maphash"
	"reflect"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxSeen bounds what is remembered of one ChatCluster: old configurations leave children behind that are gone.
const maxSeen = 256

// seen remembers the children that were there, and which of them were found to hold what was applied: as long as neither their contents nor
// what is to be applied changes, nothing has to be compared. It may be lost at any moment: then it is compared once more.
type seen struct {
	mu       sync.Mutex
	children map[types.UID]map[childID]sum
}

// childID stands for a child of a ChatCluster. Two that had the same would each be compared again and again, and no more.
type childID uint64

var childSeed = maphash.MakeSeed()

func idOf(o client.Object, name string) childID {
	var h maphash.Hash
	h.SetSeed(childSeed)
	for _, part := range []string{reflect.TypeOf(o).String(), o.GetObjectKind().GroupVersionKind().Kind, name} {
		_, _ = h.WriteString(part) // it does not fail
		_ = h.WriteByte(0)
	}
	return childID(h.Sum64())
}

// sum is of what was applied and of what the live object then held; zero where that is not known.
type sum [16]byte

func sumOf(config, contents []byte) (s sum) {
	a, b := sha256.Sum256(config), sha256.Sum256(contents)
	both := sha256.Sum256(slices.Concat(a[:], b[:]))
	return sum(both[:len(s)])
}

func newSeen() *seen { return &seen{children: map[types.UID]map[childID]sum{}} }

// note remembers a child. live is the object that was compared with config, nil when none was.
func (s *seen) note(uid types.UID, child childID, config []byte, live client.Object) {
	var known sum
	if live != nil {
		known = sumOf(config, contents(live))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.children[uid] == nil || len(s.children[uid]) >= maxSeen {
		s.children[uid] = map[childID]sum{}
	}
	s.children[uid][child] = known
}

// asApplied tells whether a child was found to hold what config says, and holds the same still.
func (s *seen) asApplied(uid types.UID, child childID, config []byte, live client.Object) bool {
	data := contents(live)
	if data == nil {
		return false
	}
	s.mu.Lock()
	known := s.children[uid][child]
	s.mu.Unlock()
	return known != sum{} && known == sumOf(config, data)
}

// has tells whether a child was there.
func (s *seen) has(uid types.UID, child childID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.children[uid][child]
	return ok
}

// drop forgets a child that is gone.
func (s *seen) drop(uid types.UID, child childID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.children[uid], child)
}

// forget forgets a ChatCluster that is gone.
func (s *seen) forget(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.children, uid)
}
