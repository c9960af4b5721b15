package readmodel

import (
	"context"
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Mark is the highest seq that a user has read in a conversation.
type Mark struct {
	User store.User
	Conv store.Conv
	Read uint64
}

// ApplyMarks raises read marks; a lower one changes nothing. A mark may come before the entry that brought its user: it waits
// in a membership that has not begun.
func (w *Writer) ApplyMarks(ctx context.Context, marks []Mark) error {
	highest := raises{}
	for _, m := range marks {
		if m.Read > 0 && m.User.Tenant() == m.Conv.Tenant() {
			highest.add(m.Conv, m.User.ID(), m.Read)
		}
	}
	if len(highest) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	sql, args := highest.statement()
	if _, err := w.m.writer.Exec(ctx, sql, args...); err != nil {
		w.m.noticeFailover(err)
		return fmt.Errorf("apply read marks: %w", err)
	}
	return nil
}
