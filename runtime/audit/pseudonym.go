package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	keyBytes       = 32
	pseudonymBytes = 16
)

// key is a user's: what the user's pseudonyms are made with.
type key []byte

// user is the user's pseudonym.
func (k key) user(tenant, id string) string { return k.name("user", tenant, id) }

// device is the pseudonym of one of the user's devices.
func (k key) device(tenant, id string) string { return k.name("device", tenant, id) }

// name is 128 bits of an HMAC. No id holds a zero byte.
func (k key) name(of, tenant, id string) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(of + "\x00" + tenant + "\x00" + id))
	return hex.EncodeToString(mac.Sum(nil)[:pseudonymBytes])
}

// keysOf returns the users' keys and makes those that are not there. The transaction holds the lock of the tenant's head.
func keysOf(ctx context.Context, tx pgx.Tx, tenant string, users []string) (map[string]key, error) {
	keys := make(map[string]key, len(users))
	if len(users) == 0 {
		return keys, nil
	}
	rows, err := tx.Query(ctx, "SELECT user_id, key FROM audit_keys WHERE tenant = $1 AND user_id = ANY ($2)", tenant, users)
	if err != nil {
		return nil, err
	}
	var id string
	var k []byte
	if _, err := pgx.ForEachRow(rows, []any{&id, &k}, func() error {
		keys[id] = append(key(nil), k...)
		return nil
	}); err != nil {
		return nil, err
	}
	var ids []string
	var made [][]byte
	for _, id := range users {
		if keys[id] != nil {
			continue
		}
		k := make(key, keyBytes)
		if _, err := rand.Read(k); err != nil {
			return nil, err
		}
		keys[id] = k
		ids, made = append(ids, id), append(made, k)
	}
	if len(ids) == 0 {
		return keys, nil
	}
	_, err = tx.Exec(ctx, "INSERT INTO audit_keys (tenant, user_id, key) SELECT $1, unnest($2::text[]), unnest($3::bytea[])", tenant, ids, made)
	return keys, err
}

// ErrNoPseudonym says that no entry is about the user, or that it is no longer known which are.
var ErrNoPseudonym = errors.New("the user has no pseudonym")

// Pseudonym returns the name under which entries are about the user; it wraps ErrNoPseudonym where there is none, or none any more.
func (l *Log) Pseudonym(ctx context.Context, u store.User) (string, error) {
	var k key
	err := l.db.Read(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT key FROM audit_keys WHERE tenant = $1 AND user_id = $2", string(u.Tenant()), u.ID()).Scan((*[]byte)(&k))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNoPseudonym
	}
	if err != nil {
		return "", fmt.Errorf("read a user's audit key: %w", err)
	}
	return k.user(string(u.Tenant()), u.ID()), nil
}

// Forget destroys the user's key: from now on nobody can tell which entries are about the user. Entries stay, and so does the chain. What
// is recorded of the user later, from records that were under way, makes another key: whoever erases a user forgets once more when the
// audit log has consumed them. Final it is when the database's backups have expired.
func (l *Log) Forget(ctx context.Context, u store.User) error {
	err := l.db.Write(ctx, func(tx pgx.Tx) error {
		// Not while entries are being made with it.
		if _, err := lockHead(ctx, tx, string(u.Tenant())); err != nil {
			return err
		}
		return forget(ctx, tx, string(u.Tenant()), []string{u.ID()})
	})
	if err != nil {
		return fmt.Errorf("destroy a user's audit key: %w", err)
	}
	return nil
}

func forget(ctx context.Context, tx pgx.Tx, tenant string, users []string) error {
	_, err := tx.Exec(ctx, "DELETE FROM audit_keys WHERE tenant = $1 AND user_id = ANY ($2)", tenant, users)
	return err
}
