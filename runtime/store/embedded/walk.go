package embedded

import (
	"context"
	"fmt"
	"strings"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// EachConversation implements store.Walks.
func (s *Store) EachConversation(ctx context.Context, f func(store.Conv) error) error {
	return s.each([]byte{kindConversation}, func(k, _ []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		tenant, id, _ := strings.Cut(strings.TrimSuffix(string(k[1:]), "\x00"), "\x00")
		c, err := store.NewConv(store.Tenant(tenant), id)
		if err != nil {
			return fmt.Errorf("embedded store: a conversation's key: %w", err)
		}
		return f(c)
	})
}
