//go:build engines

package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/erase"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/purge"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const secret = "xyzzysecret"

// dying is a chat service that the eraser does not hear of any more after some requests.
type dying struct {
	erase.Chat
	left atomic.Int64
}

var errKilled = errors.New("killed")

func (d *dying) Ask(ctx context.Context, s *chatpb.Send) error {
	if d.left.Add(-1) < 0 {
		return errKilled
	}
	return d.Chat.Ask(ctx, s)
}

// An erased user's words are nowhere: not in the store, the read model, the cache, an inbox or a history, nor in what is made anew of the
// topics. Other members' devices learn of it, and what others said stays. A process that dies on the way changes nothing of that.
func TestAnErasedUserIsGone(t *testing.T) {
	p := startPlatform(t)
	red, blue := p.tenant("red"), p.tenant("blue")
	direct := p.talk(red, secret)
	p.talk(blue, "bluesecret")
	alice, bob := red("alice"), red("bob")
	var group protocol.Conversation
	decode(t, alice.must(http.MethodPost, "/v1/conversations", `{"kind":"group","title":"the group","members":["bob","cho"]}`), &group)
	path := "/v1/conversations/" + group.ID
	for i := range 40 {
		alice.must(http.MethodPost, path+"/messages", fmt.Sprintf(`{"body":"%s %d"}`, secret, i))
	}
	bob.must(http.MethodPost, path+"/messages", `{"body":"bob's own"}`)
	alice.must(http.MethodPatch, path+"/messages/2", fmt.Sprintf(`{"body":"%s edited"}`, secret))
	alice.must(http.MethodPut, path+"/messages/42/reactions/%F0%9F%91%8D", "")
	bob.must(http.MethodPut, path+"/messages/3/reactions/%F0%9F%91%8D", "")
	_, shown := bob.dial("tablet")
	p.eventually("bob is shown the group", func() bool { return strings.Contains(shown.String(), secret+" 39") })
	blueBefore, err := contents(p, "blue", false)
	must(t, err)

	r := role{name: "erase", pod: "test", cfg: &p.cfg, log: slog.New(slog.DiscardHandler), local: &local{aws: p.engines.AWS, store: p.engines.Store}, tracers: noop.NewTracerProvider()}
	user, err := store.NewUser("red", "alice")
	must(t, err)
	model, err := r.openModel(t.Context())
	must(t, err)
	defer model.Close()

	// What is exported is hers, and no secret.
	file := filepath.Join(t.TempDir(), "alice.zip")
	must(t, writeWhole(file, func(w io.Writer) error { _, err := r.export(t.Context(), user, w); return err }))
	archive, err := zip.OpenReader(file)
	must(t, err)
	defer func() { _ = archive.Close() }()
	exported := ""
	for _, f := range archive.File {
		in, err := f.Open()
		must(t, err)
		text, err := io.ReadAll(in)
		must(t, err)
		exported += string(text)
	}
	if strings.Count(exported, `"body":"`+secret) != 43 || strings.Contains(exported, "bob's own") || strings.Contains(exported, "-token") {
		t.Errorf("exported is\n%s", exported)
	}

	// A hold refuses: the user, and the purge of the whole tenant.
	_, err = model.PlaceHold(t.Context(), readmodel.Hold{Tenant: "red", Name: "case 7", User: "alice", Reason: "a lawsuit"})
	must(t, err)
	if _, err := r.erase(t.Context(), eraseOptions{user: user, settle: -1}); !errors.Is(err, readmodel.ErrHeld) || !strings.Contains(err.Error(), "case 7") {
		t.Fatalf("%v, want the hold", err)
	}
	p.setState("red", store.TenantDeleting)
	if _, err := r.purge(t.Context(), "red", -1); !errors.Is(err, readmodel.ErrHeld) || errors.Is(err, purge.ErrServed) {
		t.Fatalf("%v, want the hold", err)
	}
	p.setState("red", store.TenantActive)
	alice.must(http.MethodGet, direct+"/messages", "")
	must(t, model.ReleaseHold(t.Context(), "red", "case 7"))

	must(t, r.withChat(t.Context(), func(ctx context.Context, pool *chatpool.Pool) error {
		tokens, err := auth.NewRevocations(auth.RevocationsOptions{Store: p.engines.Store})
		if err != nil {
			return err
		}
		b, err := r.backends(ctx)
		if err != nil {
			return err
		}
		defer b.cache.Close()
		for _, asks := range []int64{0, 1, 7, 33} {
			d := &dying{Chat: erase.Asking{Sender: pool}}
			d.left.Store(asks)
			_, err := erase.Run(ctx, erase.Options{
				User: user, Store: p.engines.Store, Model: model, Chat: d, Tokens: tokens, Cache: b.cache, Settle: -1,
				Projected: func(context.Context) error { return nil },
			})
			if !errors.Is(err, errKilled) {
				return fmt.Errorf("after %d requests: %w, want the end", asks, err)
			}
		}
		return nil
	}))
	report, err := r.erase(t.Context(), eraseOptions{user: user, settle: time.Second, pointInTime: maxPointInTime})
	must(t, err)
	want := erase.Counts{Conversations: 2, Left: 2, Messages: 43, Edits: 1, Reactions: 1}
	if report.Counts != want || report.Devices != 1 || report.Tokens != 1 || report.Phase != erase.PhaseDone || report.Final.At.IsZero() {
		t.Errorf("report %+v", report)
	}

	for _, get := range []string{direct + "/messages?after=0", path + "/messages?after=0&limit=200", "/v1/inbox", path + "/members"} {
		answer := bob.must(http.MethodGet, get, "")
		if strings.Contains(answer, secret) {
			t.Errorf("%s shows bob %s", get, answer)
		}
		if strings.Contains(get, group.ID+"/messages") && (!strings.Contains(answer, "bob's own") || strings.Count(answer, `"deleted":true`) != 40) {
			t.Errorf("%s shows bob %s", get, answer)
		}
		if strings.HasSuffix(get, "/members") && strings.Contains(answer, "alice") {
			t.Errorf("the members are %s", answer)
		}
	}
	bob.must(http.MethodPost, path+"/messages", `{"body":"anyone?"}`)
	p.eventually("bob's device goes on", func() bool { return strings.Contains(shown.String(), "anyone?") })
	if found := p.search(t, secret); len(found) > 0 {
		t.Errorf("left are %q", found)
	}
	if blueAfter, err := contents(p, "blue", false); err != nil || blueAfter != blueBefore {
		t.Errorf("the other tenant had\n%s\nand has\n%s, %v", blueBefore, blueAfter, err)
	}
	for _, key := range p.engines.Redis.Keys() {
		if strings.Contains(key, "red#alice") && !strings.Contains(key, "lq#") || strings.HasSuffix(key, "}#red#alice") {
			t.Errorf("the cache has %s", key)
		}
	}
	p.eventually("the user's token is refused", func() bool { // a gateway asks every 5 s, and this erasure did not wait for it
		status, _ := alice.ask(http.MethodGet, "/v1/inbox", "")
		return status == http.StatusUnauthorized
	})
	p.rebuiltIsRedacted(t, secret, "bob's own")

	again, err := r.erase(t.Context(), eraseOptions{user: user, settle: -1})
	if err != nil || again.Messages != 0 || again.ID == report.ID {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func decode(t *testing.T, data string, into any) {
	t.Helper()
	must(t, json.Unmarshal([]byte(data), into))
}

// database connects to the read model's server, to its own database or to another.
func (p *platform) database(t *testing.T, name string) *pgx.Conn {
	t.Helper()
	pg := p.cfg.Postgres
	password, err := config.ReadSecret(pg.PasswordFile)
	must(t, err)
	db, err := pgx.Connect(t.Context(), fmt.Sprintf("host='%s' port=%d dbname='%s' user='%s' password='%s' sslmode=%s", pg.Host, pg.Port, name, pg.User, password, pg.SSLMode))
	must(t, err)
	t.Cleanup(func() { _ = db.Close(context.WithoutCancel(t.Context())) })
	return db
}

// search returns where the word is.
func (p *platform) search(t *testing.T, word string) (found []string) {
	t.Helper()
	db := p.database(t, p.cfg.Postgres.Database)
	for _, table := range []string{"conversations", "members", "messages", "parked_records", "erasures"} {
		var n int
		columns := "x::text LIKE '%' || $1 || '%' OR x::text LIKE '%' || encode($1::bytea, 'hex') || '%'"
		must(t, db.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" x WHERE "+columns, word).Scan(&n))
		if n > 0 {
			found = append(found, fmt.Sprint(n, " rows of ", table))
		}
	}
	bob, err := store.NewUser("red", "bob")
	must(t, err)
	memberships, err := p.engines.Store.Memberships(t.Context(), bob)
	must(t, err)
	for _, m := range memberships {
		page, err := p.engines.Store.Read(t.Context(), m.Conv, 1, 1000)
		must(t, err)
		for _, s := range page {
			if strings.Contains(s.Batch.String(), word) {
				found = append(found, fmt.Sprint("batch ", store.First(s.Batch), " of ", m.Conv))
			}
		}
	}
	if strings.Contains(p.engines.Redis.Dump(), word) {
		found = append(found, "Redis")
	}
	return found
}

// rebuiltIsRedacted makes a read model of nothing but what the topic has from its beginning, and looks for the words in it.
func (p *platform) rebuiltIsRedacted(t *testing.T, gone, kept string) {
	t.Helper()
	_, err := p.database(t, p.cfg.Postgres.Database).Exec(t.Context(), "CREATE DATABASE rebuilt")
	must(t, err)
	cfg := p.cfg.Postgres
	cfg.Database = "rebuilt"
	_, err = readmodel.Migrate(t.Context(), cfg, slog.New(slog.DiscardHandler))
	must(t, err)
	model, err := readmodel.Open(cfg, readmodel.Options{Application: "test"})
	must(t, err)
	defer model.Close()
	w := readmodel.NewWriter(model, p.engines.Store)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	topic := eventlog.FullName(p.cfg.Kafka.TopicPrefix, eventlog.LogTopic)
	client, err := kgo.NewClient(kgo.SeedBrokers(p.cfg.Kafka.Brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(t, err)
	defer client.Close()
	db := p.database(t, "rebuilt")
	bodies, want := 0, wanted(t, p)
	for applied := 0; applied == 0 || !complete(t, db, want); {
		fetched := client.PollFetches(ctx)
		must(t, fetched.Err())
		for _, rec := range fetched.Records() {
			var in eventpb.LogRecord
			must(t, proto.Unmarshal(rec.Value, &in))
			c, err := store.NewConv(store.Tenant(in.GetTenant()), in.GetConversation())
			must(t, err)
			if strings.Contains(in.GetBatch().String(), gone) {
				bodies++
			}
			_, err = w.Apply(ctx, []readmodel.Record{{Conv: c, Kind: in.GetConversationKind(), Batch: in.GetBatch()}})
			must(t, err)
			applied++
		}
	}
	if bodies == 0 {
		t.Error("the topic has none of the words: the test proves nothing")
	}
	var left, theirs int
	must(t, db.QueryRow(ctx, "SELECT count(*) FILTER (WHERE position($1::bytea IN entry) > 0), count(*) FILTER (WHERE position($2::bytea IN entry) > 0) FROM messages",
		gone, kept).Scan(&left, &theirs))
	if left != 0 || theirs != 1 {
		t.Errorf("made anew, the read model has %d of the erased messages and %d of the others', want 0 and 1", left, theirs)
	}
}

// wanted are the heads that the read model has.
func wanted(t *testing.T, p *platform) map[string]int64 {
	t.Helper()
	return heads(t, p.database(t, p.cfg.Postgres.Database))
}

func heads(t *testing.T, db *pgx.Conn) map[string]int64 {
	t.Helper()
	rows, err := db.Query(t.Context(), "SELECT tenant || ' ' || conversation, head FROM conversations")
	must(t, err)
	out := map[string]int64{}
	var id string
	var head int64
	_, err = pgx.ForEachRow(rows, []any{&id, &head}, func() error { out[id] = head; return nil })
	must(t, err)
	return out
}

func complete(t *testing.T, db *pgx.Conn, want map[string]int64) bool {
	t.Helper()
	have := heads(t, db)
	for id, head := range want {
		if have[id] < head {
			return false
		}
	}
	return true
}
