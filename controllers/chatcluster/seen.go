package chatcluster

import (
	"crypto/sha256"
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
	children map[types.UID]map[string]sums
}

// sums are of what was applied and of what the live object then held; zero where that is not known.
type sums struct{ applied, contents [sha256.Size224]byte }

func newSeen() *seen { return &seen{children: map[types.UID]map[string]sums{}} }

// note remembers a child. live is the object that was compared with config, nil when none was.
func (s *seen) note(uid types.UID, child string, config []byte, live client.Object) {
	var known sums
	if live != nil {
		known.applied, known.contents = sha256.Sum224(config), sha256.Sum224(contents(live))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.children[uid] == nil || len(s.children[uid]) >= maxSeen {
		s.children[uid] = map[string]sums{}
	}
	s.children[uid][child] = known
}

// asApplied tells whether a child was found to hold what config says, and holds the same still.
func (s *seen) asApplied(uid types.UID, child string, config []byte, live client.Object) bool {
	data := contents(live)
	if data == nil {
		return false
	}
	s.mu.Lock()
	known := s.children[uid][child]
	s.mu.Unlock()
	return known.contents == sha256.Sum224(data) && known.applied == sha256.Sum224(config)
}

// has tells whether a child was there.
func (s *seen) has(uid types.UID, child string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.children[uid][child]
	return ok
}

// drop forgets a child that is gone.
func (s *seen) drop(uid types.UID, child string) {
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
