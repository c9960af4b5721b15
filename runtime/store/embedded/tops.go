package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// stripes is how many locks there are. A writer holds one while it waits for its sync: conversations that write at the same
	// time should hardly ever share one.
	stripes = 4096
	// stripeTops bounds the tops that a stripe remembers: a million conversations in all.
	stripeTops = 256
)

// stripe is the lock of the subjects whose hash it is. Who holds it exclusively may use tops.
type stripe struct {
	*semaphore.Weighted

	// tops has, of conversations written lately, a seq that no batch of the log begins after. Most appends begin after it, and
	// need not look in the database whether their place is taken.
	tops map[store.Conv]uint64
}

// claim returns store.ErrTaken if a batch of the conversation begins at first. The caller holds its lock exclusively and
// writes such a batch; if it fails to, the top is merely too high.
func (s *Store) claim(c store.Conv, first uint64) error {
	l := s.stripe(conversationSubject(c))
	top, known := l.tops[c]
	if !known {
		var err error
		if top, err = s.top(c); err != nil {
			return err
		}
	}
	if first <= top {
		switch _, err := get(s.db, batchKey(c, first)); {
		case err == nil:
			return store.ErrTaken
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	if l.tops == nil || len(l.tops) >= stripeTops {
		l.tops = make(map[store.Conv]uint64)
	}
	l.tops[c] = max(top, first)
	return nil
}

// top returns where the conversation's last batch begins, or 0.
func (s *Store) top(c store.Conv) (_ uint64, err error) {
	it, err := s.db.NewIter(below(key(kindBatch, string(c.Tenant()), c.ID())))
	if err != nil {
		return 0, fmt.Errorf("read embedded store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return 0, it.Error()
	}
	k := it.Key()
	return binary.BigEndian.Uint64(k[len(k)-8:]), nil
}
