//go:build engines

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
)

// auditor is someone with the configuration of a cluster whose audit log has entries.
type auditor struct {
	t      *testing.T
	db     *readmodel.Model
	log    *audit.Log
	config string
}

func newAuditor(t *testing.T) *auditor {
	t.Helper()
	pg := readmodeltest.Database(t)
	if _, err := readmodel.Migrate(t.Context(), pg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	db, err := readmodel.Open(pg, readmodel.Options{Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	a := &auditor{t: t, db: db, log: audit.NewLog(db), config: filepath.Join(t.TempDir(), "config.yaml")}
	err = os.WriteFile(a.config, fmt.Appendf(nil, `
cluster: chat/demo
aws: {region: eu-central-1}
auth: {issuers: [{tenant: t, issuer: i, audience: a, jwksURL: "https://id.invalid/jwks"}]}
dynamoDB: {tablePrefix: p., hotRetention: 720h}
kafka: {brokers: ["kafka.invalid:9092"], topicPrefix: p.}
postgres: {host: %q, readerHost: db.invalid, port: %d, database: %q, user: %q, passwordFile: %q, sslMode: disable}
redis: {addresses: ["cache.invalid:6379"], keyPrefix: "p:"}
push: {applicationID: app, delay: 10s}
gateway: {drainPeriod: 10s, maxConnections: 10}
chat: {service: "chat.invalid:7000"}
`, pg.Host, pg.Port, pg.Database, pg.User, pg.PasswordFile), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *auditor) add(tenant string, n int) {
	a.t.Helper()
	events := make([]audit.Event, n)
	for i := range events {
		events[i] = audit.Event{Source: fmt.Sprint(time.Now().UnixNano(), i), At: time.Now(), Kind: "k", Subject: "ann"}
	}
	if _, err := a.log.Append(a.t.Context(), tenant, events); err != nil {
		a.t.Fatal(err)
	}
}

func (a *auditor) exec(statements string) {
	a.t.Helper()
	if err := a.db.Write(a.t.Context(), func(tx pgx.Tx) error { _, err := tx.Exec(a.t.Context(), statements); return err }); err != nil {
		a.t.Fatal(err)
	}
}

// run runs chatd audit and compares its exit code and its words.
func (a *auditor) run(reason string, code int, want string, args ...string) {
	a.t.Helper()
	var out bytes.Buffer
	got := execute(context.WithoutCancel(a.t.Context()), append([]string{"audit"}, append(args, "--config", a.config)...), strings.NewReader(""), &out, &out)
	if got != code || !regexp.MustCompile(want).MatchString(out.String()) {
		a.t.Errorf("%s: exit code %d, want %d; said %q, want %q", reason, got, code, out.String(), want)
	}
}

func TestAnAuditorFindsWhatWasDone(t *testing.T) {
	a, dir := newAuditor(t), t.TempDir()
	a.add("acme", 5)
	a.add("globex", 3)
	a.run("nobody touched it", 0, `(?s)tenant acme: 5 entries, compared with 0 exports: intact; head [0-9a-f]{64}\ntenant globex: 3 entries`, "verify")
	a.run("what is there is exported", 0, `tenant acme: 5 entries in 1 files; exported up to entry 5`, "export", "--to", dir)
	a.add("acme", 2)
	a.run("and what is new", 0, `tenant acme: 2 entries in 1 files; exported up to entry 7`, "export", "--to", "file://"+dir, "--tenant", "acme")
	a.run("it holds what was exported", 0, `tenant acme: 7 entries, compared with 2 exports: intact`, "verify", "--against", dir)
	a.run("a user's name in it", 0, `^[0-9a-f]{32}\n$`, "pseudonym", "--tenant", "acme", "--user", "ann")
	a.run("of a user whom it does not know", 1, `no pseudonym`, "pseudonym", "--tenant", "acme", "--user", "bob")

	a.exec("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_stay; " +
		"DELETE FROM audit_entries WHERE tenant = 'acme' AND n > 6; " +
		"UPDATE audit_heads SET n = 6, hash = (SELECT hash FROM audit_entries WHERE tenant = 'acme' AND n = 6) WHERE tenant = 'acme'")
	a.run("the chain alone does not show an end that was cut off well", 0, `tenant acme: 6 entries`, "verify", "--tenant", "acme")
	a.run("the export does", 1, `tenant acme, entry 7: truncated: (?s:.*)not intact: 1 faults`, "verify", "--tenant", "acme", "--against", dir)
	a.exec("UPDATE audit_entries SET kind = 'else' WHERE tenant = 'globex' AND n = 2")
	a.run("a change needs no export to be seen", 1, `tenant globex, entry 2: changed: `, "verify")
	a.run("a log that lost entries is not exported further", 1, `tenant acme: the audit log is not the one that was exported: entry 7`, "export", "--to", dir)
	a.exec("DELETE FROM audit_entries WHERE tenant = 'globex'; DELETE FROM audit_heads WHERE tenant = 'globex'")
	a.run("a tenant's whole log", 1, `tenant globex, entry 1: truncated: `, "verify", "--against", dir)
	a.run("a folder is not a bucket", 1, `not "ftp://x"`, "export", "--to", "ftp://x")
	a.run("without a place", 2, `required flag`, "export")
}
