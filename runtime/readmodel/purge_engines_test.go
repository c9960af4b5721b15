//go:build engines

package readmodel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// A tenant's rows go, all of them and in any state, and another's stay, whose ids are the same.
func TestPurge(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	if _, err := Migrate(ctx, cfg, quiet); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, cfg)
	var records []Record
	logs := readmodeltest.World(t, rand.New(rand.NewPCG(1, 2)))
	for _, l := range logs {
		for _, b := range l.Batches {
			records = append(records, Record{Conv: l.Conv, Kind: l.Kind, Batch: b})
		}
	}
	if _, err := NewWriter(m, readmodeltest.NewSource(logs...)).Apply(ctx, records); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"tenant0", "tenant1"} {
		for _, sql := range []string{
			// More messages than one statement takes, a record that is parked, a mark of somebody who is in nothing else, and what lost its conversation.
			`INSERT INTO messages SELECT $1, 'conv0', n, 'message', 'ann', n::text, now(), n, '\x01' FROM generate_series(100000, 112000) AS n`,
			`INSERT INTO parked_conversations VALUES ($1, 'parked', 'why', now(), 1, now())`,
			`INSERT INTO parked_records VALUES ($1, 'parked', 7, '\x01', 'group', '\x01')`,
			`INSERT INTO members VALUES ($1, 'zoe', 'conv0', 'member', '', 0, 0, 0, '', 0, 3)`,
			`INSERT INTO messages VALUES ($1, 'lost', 1, 'message', 'ann', 'x', now(), 1, '\x01')`,
		} {
			if _, err := m.writer.Exec(ctx, sql, tenant); err != nil {
				t.Fatal(err)
			}
		}
	}
	rows := func(tenant string) (all []string) {
		t.Helper()
		for _, table := range []string{"conversations", "members", "messages", "tails", "parked_conversations", "parked_records", "reviews"} {
			r, err := m.writer.Query(ctx, "SELECT md5(string_agg(x::text, ',' ORDER BY x::text)) FROM "+table+" x WHERE tenant = $1", tenant)
			if err != nil {
				t.Fatal(err)
			}
			sum, err := pgx.CollectRows(r, pgx.RowTo[*string])
			if err != nil {
				t.Fatal(err)
			}
			if sum[0] != nil {
				all = append(all, table+" "+*sum[0])
			}
		}
		return all
	}
	before := rows("tenant1")
	if len(rows("tenant0")) != 7 || len(before) != 7 {
		t.Fatalf("a table without rows proves nothing: %q", before)
	}
	n, err := m.CountConversations(ctx, "tenant0")
	if err != nil || n != 3 {
		t.Errorf("%d conversations, %v; want 3", n, err)
	}
	found := map[string]uint64{}
	for {
		some, err := m.TenantConversations(ctx, "tenant0", 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			break
		}
		for _, r := range some {
			if r.Conv.Tenant() != "tenant0" {
				t.Fatalf("another tenant's conversation: %v", r.Conv)
			}
			found[r.Conv.ID()] = r.Seq
			if err := m.PurgeConversation(ctx, r.Conv); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(found) != 5 || found["parked"] != 7 || found["conv1"] == 0 {
		t.Errorf("found %v, want three conversations, the parked one and the lost one", found)
	}
	users := map[string]bool{}
	for {
		some, err := m.TenantUsers(ctx, "tenant0", 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			break
		}
		for _, u := range some {
			users[u.ID()] = true
			if err := m.PurgeUser(ctx, u); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !users["ann"] || !users["zoe"] {
		t.Errorf("users %v", users)
	}
	if left := rows("tenant0"); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
	if after := rows("tenant1"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the other tenant's rows changed: %q, %q", before, after)
	}
	c, err := store.NewConv("tenant0", "conv0")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.PurgeConversation(ctx, c); err != nil {
		t.Errorf("once more: %v", err)
	}
}
