package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// checkModel verifies that the read model is what the store's logs add up to (P5).
func (v *verification) checkModel(ctx context.Context) ([]Violation, error) {
	conn, err := connectPostgres(ctx, v.r.s.Postgres)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was read
	// Folding goes on until it is done, in the store as well.
	if _, err := v.readLogs(ctx); err != nil {
		return nil, err
	}
	var bad []Violation
	for _, l := range v.logs {
		found, err := v.compareModel(ctx, conn, l)
		if err != nil {
			return nil, err
		}
		bad = append(bad, found...)
	}
	return bad, nil
}

func (v *verification) compareModel(ctx context.Context, conn *pgx.Conn, l *log) ([]Violation, error) {
	key := []any{string(l.conv.Tenant()), l.conv.ID()}
	bad := func(seq uint64, format string, args ...any) []Violation {
		return []Violation{{Promise: "P5", Where: at(l, seq), What: fmt.Sprintf(format, args...), History: v.history(l, seq, nil)}}
	}
	end := uint64(len(l.entries))
	var head, count int64
	err := conn.QueryRow(ctx, `SELECT head, count FROM conversations WHERE tenant = $1 AND conversation = $2`, key...).Scan(&head, &count)
	if errors.Is(err, pgx.ErrNoRows) {
		return bad(end, "the read model does not know the conversation"), nil
	}
	if err != nil {
		return nil, err
	}
	if uint64(head) != end || end > 0 && uint64(count) != l.entries[end-1].GetCount() {
		return bad(end, "the read model is at %d with %d messages, the log at %d with %d", head, count, end, l.entries[end-1].GetCount()), nil
	}
	rows, err := conn.Query(ctx, `SELECT seq, sender, client_msg_id, entry FROM messages WHERE tenant = $1 AND conversation = $2 ORDER BY seq`, key...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	next, want := uint64(1), v.fold(l)
	for rows.Next() {
		var (
			seq        int64
			sender, id string
			raw        []byte
			e          logpb.Entry
		)
		if err := rows.Scan(&seq, &sender, &id, &raw); err != nil {
			return nil, err
		}
		if uint64(seq) != next || next > end {
			return bad(next, "the read model has seq %d where %d is due", seq, next), nil
		}
		if err := proto.Unmarshal(raw, &e); err != nil {
			return nil, err
		}
		stored := l.entries[next-1]
		elided := stored.GetMessage().GetElided()
		if sender != stored.GetSender() || id != stored.GetClientMsgId() || !elided && !proto.Equal(&e, stored) {
			return bad(next, "the read model's entry differs from the store's:\n- %v\n+ %v", stored, &e), nil
		}
		if w := want[next]; w != nil {
			if diff := cmp.Diff(w.effects, effectsOf(e.GetMessage())); diff != "" {
				return bad(next, "the read model's message is not what the log adds up to (-log +model):\n%s", diff), nil
			}
		}
		next++
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if next != end+1 {
		return bad(next, "the read model has %d entries of %d", next-1, end), nil
	}
	return v.compareMembers(ctx, conn, l, key)
}

func connectPostgres(ctx context.Context, c config.Postgres) (*pgx.Conn, error) {
	password, err := config.ReadSecret(c.PasswordFile)
	if err != nil {
		return nil, err
	}
	cc, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	cc.Host, cc.Port, cc.Database, cc.User, cc.Password = c.Host, uint16(c.Port), c.Database, c.User, password
	return pgx.ConnectConfig(ctx, cc)
}
