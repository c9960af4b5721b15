package embedded

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Kinds of key: the first byte.
const (
	kindBatch        = 'b'
	kindConversation = 'c'
	kindMember       = 'm'
	kindMembership   = 's'
	kindDevice       = 'd'
	kindOutbox       = 'o'
	kindRevocation   = 'r'
	kindMute         = 'u'
	kindDeferral     = 'q'
	kindTenant       = 't'
	kindIssuer       = 'i'
)

// key returns kind and ids, each id followed by NUL: no key of ids is a prefix of another's.
func key(kind byte, ids ...string) []byte {
	k := []byte{kind}
	for _, id := range ids {
		k = append(k, id...)
		k = append(k, 0)
	}
	return k
}

func batchKey(c store.Conv, first uint64) []byte {
	return binary.BigEndian.AppendUint64(key(kindBatch, string(c.Tenant()), c.ID()), first)
}

func conversationKey(c store.Conv) []byte { return key(kindConversation, string(c.Tenant()), c.ID()) }

func memberKey(c store.Conv, u store.User) []byte {
	return key(kindMember, string(c.Tenant()), c.ID(), u.ID())
}

func membershipKey(u store.User, c store.Conv) []byte {
	return key(kindMembership, string(u.Tenant()), u.ID(), c.ID())
}

func deviceKey(u store.User, device string) []byte {
	return key(kindDevice, string(u.Tenant()), u.ID(), device)
}

func outboxPrefix(shard int) []byte { return []byte{kindOutbox, byte(shard)} }

func outboxKey(c store.Conv, first uint64) []byte {
	k := append(outboxPrefix(store.OutboxShard(c)), string(c.Tenant())+"\x00"+c.ID()+"\x00"...)
	return binary.BigEndian.AppendUint64(k, first)
}

// parseOutboxKey reverts outboxKey.
func parseOutboxKey(k []byte) (store.Conv, uint64, error) {
	if len(k) < 2+8 {
		return store.Conv{}, 0, fmt.Errorf("embedded store: an outbox key of %d bytes", len(k))
	}
	tenant, rest, _ := strings.Cut(string(k[2:len(k)-8]), "\x00")
	c, err := store.NewConv(store.Tenant(tenant), strings.TrimSuffix(rest, "\x00"))
	if err != nil {
		return store.Conv{}, 0, fmt.Errorf("embedded store: outbox key: %w", err)
	}
	return c, binary.BigEndian.Uint64(k[len(k)-8:]), nil
}

// lastID returns the last id of a key of ids.
func lastID(k []byte) string {
	s := strings.TrimSuffix(string(k), "\x00")
	return s[strings.LastIndexByte(s, 0)+1:]
}

// below returns the bounds of all keys with the prefix.
func below(prefix []byte) *pebble.IterOptions {
	upper := append([]byte(nil), prefix...)
	for i := len(upper) - 1; i >= 0; i-- {
		if upper[i]++; upper[i] != 0 {
			return &pebble.IterOptions{LowerBound: prefix, UpperBound: upper[:i+1]}
		}
	}
	return &pebble.IterOptions{LowerBound: prefix}
}
