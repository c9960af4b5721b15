//go:build engines

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dev"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/purge"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// platform is every role on real code: the configuration's tenant, dev, and beside it tenants that have a record.
type platform struct {
	t       *testing.T
	engines *dev.Engines
	url     string // http://…
	cfg     config.Config
}

func startPlatform(t *testing.T) *platform {
	t.Helper()
	dir, err := os.MkdirTemp("", "chatd-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's user has to get through
		t.Fatal(err)
	}
	engines, err := dev.Start(t.Context(), dev.Options{Dir: dir, NoSync: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	chat, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all := allRoles{cfg: engines.Config, local: local{aws: engines.AWS, store: engines.Store}, gateway: ln, chat: chat, log: log}
	all.cfg.Chat.Service = chat.Addr().String()
	// The test's issuers are on the loopback and speak plain HTTP.
	all.cfg.Auth.Tenants = config.TenantAuth{AllowHTTP: true, AllowPrivate: true}
	o := newOps(log)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := all.run(ctx, o); err != nil {
			t.Errorf("the roles ended with %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		run.Wait()
		if err := engines.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &platform{t: t, engines: engines, url: "http://" + ln.Addr().String(), cfg: all.cfg}
	p.eventually("everything is ready", func() bool {
		status, checks := o.look(t.Context())
		return status == http.StatusOK && allNamed(all.names(), checks)
	})
	return p
}

func (p *platform) eventually(what string, ok func() bool) {
	p.t.Helper()
	end := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			p.t.Fatalf("never came true: %s", what)
		case <-tick.C:
		}
	}
}

// someone is a user of a tenant, with a token of the tenant's own issuer.
type someone struct {
	p     *platform
	token string
}

// tenant makes one with an issuer of its own, as the operator does, and returns who mints tokens for its users.
func (p *platform) tenant(id string) func(user string) someone {
	p.t.Helper()
	key, err := issuer.LoadOrCreateKey(filepath.Join(p.t.TempDir(), "key"))
	if err != nil {
		p.t.Fatal(err)
	}
	url := "https://id." + id + ".invalid"
	keys, err := issuer.Handler(url, key)
	if err != nil {
		p.t.Fatal(err)
	}
	server := httptest.NewServer(keys)
	p.t.Cleanup(server.Close)
	if _, err := p.engines.Store.PutTenant(p.t.Context(), store.TenantRecord{
		Tenant: store.Tenant(id), State: store.TenantActive, Owner: store.TenantOwner{Namespace: id, Name: id, UID: id},
		Issuer: store.TenantIssuer{URL: url, Audience: "chat", JWKSURL: server.URL + issuer.JWKSPath},
	}, ""); err != nil {
		p.t.Fatal(err)
	}
	return func(user string) someone {
		token, err := issuer.Mint(key, issuer.Claims{Issuer: url, Audience: "chat", User: user, TTL: time.Hour})
		if err != nil {
			p.t.Fatal(err)
		}
		return someone{p, token}
	}
}

func (p *platform) setState(id string, state store.TenantState) {
	p.t.Helper()
	found, err := p.engines.Store.Tenants(p.t.Context(), store.Tenant(id))
	if err != nil || len(found) != 1 {
		p.t.Fatalf("%v, %v", found, err)
	}
	found[0].State = state
	if _, err := p.engines.Store.PutTenant(p.t.Context(), found[0], ""); err != nil {
		p.t.Fatal(err)
	}
}

// ask is a REST request.
func (s someone) ask(method, path, body string) (int, string) {
	s.p.t.Helper()
	r, err := http.NewRequestWithContext(s.p.t.Context(), method, s.p.url+path, strings.NewReader(body))
	if err != nil {
		s.p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.p.t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

func (s someone) must(method, path, body string) string {
	s.p.t.Helper()
	status, answer := s.ask(method, path, body)
	if status/100 != 2 {
		s.p.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// dial connects a device and collects what it is shown.
func (s someone) dial(device string) (*client.Client, *lines) {
	s.p.t.Helper()
	ctx, cancel := context.WithTimeout(s.p.t.Context(), patience)
	defer cancel()
	shown := &lines{}
	c, err := client.Dial(ctx, client.Options{
		URL: strings.Replace(s.p.url, "http", "ws", 1), Device: device, Platform: "ios", Token: func(context.Context) (string, error) { return s.token, nil },
		OnEntries: func(_ string, entries []protocol.Entry) {
			for _, e := range entries {
				_, _ = io.WriteString(shown, e.Body+"\n")
			}
		},
	})
	if err != nil {
		s.p.t.Fatal(err)
	}
	s.p.t.Cleanup(func() { _ = c.Close() })
	return c, shown
}

// talk has alice and bob of a tenant say the secret to each other, so that everything that is kept of a tenant is there. It returns the
// path of their direct conversation.
func (p *platform) talk(of func(string) someone, secret string) string {
	p.t.Helper()
	alice, bob := of("alice"), of("bob")
	alice.must(http.MethodPut, "/v1/devices/phone", `{"platform":"ios","push_channel":"APNS","push_token":"`+secret+`-token"}`)
	var conv protocol.Conversation
	if err := json.Unmarshal([]byte(alice.must(http.MethodPost, "/v1/conversations", `{"kind":"direct","user":"bob"}`)), &conv); err != nil {
		p.t.Fatal(err)
	}
	path := "/v1/conversations/" + conv.ID
	for i := range 3 {
		alice.must(http.MethodPost, path+"/messages", fmt.Sprintf(`{"body":"%s %d"}`, secret, i))
	}
	bob.must(http.MethodPost, path+"/read", `{"seq":2}`)
	p.eventually("the inbox shows "+secret, func() bool {
		_, inbox := bob.ask(http.MethodGet, "/v1/inbox", "")
		return strings.Contains(inbox, secret+" 2")
	})
	return path
}

// Two tenants whose users and conversations have the same ids get nothing of each other's, on the socket and on REST.
func TestTenantsGetNothingOfEachOthers(t *testing.T) {
	p := startPlatform(t)
	red, blue := p.tenant("red"), p.tenant("blue")
	redConv, blueConv := p.talk(red, "redsecret"), p.talk(blue, "bluesecret")
	if redConv != blueConv {
		t.Fatalf("direct conversations of the same users have other ids: %s, %s", redConv, blueConv)
	}
	_, redShown := red("alice").dial("phone")
	_, blueShown := blue("alice").dial("phone")
	blueBob, _ := blue("bob").dial("phone")
	p.eventually("both devices are shown their own", func() bool {
		return strings.Contains(redShown.String(), "redsecret 2") && strings.Contains(blueShown.String(), "bluesecret 2")
	})
	for _, path := range []string{
		"/v1/inbox", redConv, redConv + "/messages?after=0", redConv + "/members", redConv + "/messages/2/receipts", "/v1/devices", "/v1/sessions",
		"/v1/presence?user=bob",
	} {
		_, mine := red("alice").ask(http.MethodGet, path, "")
		_, theirs := blue("alice").ask(http.MethodGet, path, "")
		if strings.Contains(mine, "bluesecret") || strings.Contains(theirs, "redsecret") {
			t.Errorf("%s tells of the other tenant:\n%s\n%s", path, mine, theirs)
		}
	}
	p.eventually("red's alice sees that red's bob is away while blue's is there", func() bool {
		_, theirs := blue("alice").ask(http.MethodGet, "/v1/presence?user=bob", "")
		return strings.Contains(theirs, `"online":true`)
	})
	if _, mine := red("alice").ask(http.MethodGet, "/v1/presence?user=bob", ""); strings.Contains(mine, `"online":true`) {
		t.Errorf("presence crosses tenants: %s", mine)
	}

	// What one has and the other has not looks as if it were not there, with every id, key and cursor that there is.
	var group protocol.Conversation
	if err := json.Unmarshal([]byte(red("alice").must(http.MethodPost, "/v1/conversations", `{"kind":"group","title":"redgroup","members":["bob"]}`)), &group); err != nil {
		t.Fatal(err)
	}
	only := "/v1/conversations/" + group.ID
	red("alice").must(http.MethodPost, only+"/messages", `{"body":"redonly"}`)
	p.eventually("red's inbox has a second page", func() bool {
		_, inbox := red("alice").ask(http.MethodGet, "/v1/inbox?limit=1", "")
		return strings.Contains(inbox, `"next"`)
	})
	var page protocol.InboxPage
	if err := json.Unmarshal([]byte(red("alice").must(http.MethodGet, "/v1/inbox?limit=1", "")), &page); err != nil {
		t.Fatal(err)
	}
	if _, foreign := blue("alice").ask(http.MethodGet, "/v1/inbox?cursor="+page.Next, ""); strings.Contains(foreign, "redsecret") || strings.Contains(foreign, "redonly") || strings.Contains(foreign, group.ID) {
		t.Errorf("a cursor of another tenant's shows %s", foreign)
	}
	for _, q := range [][2]string{
		{http.MethodGet, only}, {http.MethodGet, only + "/messages"}, {http.MethodGet, only + "/members"}, {http.MethodPost, only + "/leave"},
		{http.MethodGet, only + "/messages/2/receipts"},
	} {
		if status, answer := blue("alice").ask(q[0], q[1], ""); status != http.StatusNotFound || !strings.Contains(answer, string(protocol.CodeNotMember)) {
			t.Errorf("%s %s of another tenant's: %d %s", q[0], q[1], status, answer)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := blueBob.Send(ctx, group.ID, "hello"); !isCode(err, protocol.CodeNotMember) {
		t.Errorf("a message into another tenant's conversation: %v", err)
	}
	// A token of one tenant's that the other's issuer has signed is nobody's.
	mine, theirs := strings.Split(red("alice").token, "."), strings.Split(blue("alice").token, ".")
	if status, _ := (someone{p, mine[0] + "." + mine[1] + "." + theirs[2]}).ask(http.MethodGet, "/v1/inbox", ""); status != http.StatusUnauthorized {
		t.Errorf("a token made of two: %d", status)
	}
	// Signing out and forgetting devices stay within the tenant.
	blue("alice").must(http.MethodDelete, "/v1/devices/phone", "")
	if devices := red("alice").must(http.MethodGet, "/v1/devices", ""); !strings.Contains(devices, "phone") {
		t.Errorf("red's devices are %s", devices)
	}
	red("bob").must(http.MethodPost, redConv+"/messages", `{"body":"redsecret last"}`)
	p.eventually("red still talks", func() bool { return strings.Contains(redShown.String(), "redsecret last") })
	if strings.Contains(blueShown.String(), "redsecret") {
		t.Errorf("blue was shown %s", blueShown.String())
	}
}

func isCode(err error, code protocol.Code) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code == code
}

// A suspended tenant is refused on REST and on the socket within 15 seconds, and served again afterwards.
func TestASuspendedTenantIsRefused(t *testing.T) {
	p := startPlatform(t)
	red, blue := p.tenant("red"), p.tenant("blue")
	path := p.talk(red, "redsecret")
	p.talk(blue, "bluesecret")
	p.setState("red", store.TenantSuspended)
	began := time.Now()
	p.eventually("REST refuses", func() bool {
		status, answer := red("alice").ask(http.MethodGet, path, "")
		return status == http.StatusForbidden && strings.Contains(answer, string(protocol.CodeSuspended))
	})
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := client.Dial(ctx, client.Options{
		URL: strings.Replace(p.url, "http", "ws", 1), Device: "tablet", Token: func(context.Context) (string, error) { return red("alice").token, nil },
	})
	if !isCode(err, protocol.CodeSuspended) {
		t.Errorf("a connection: %v, want suspended", err)
	}
	blue("alice").must(http.MethodGet, "/v1/inbox", "")
	p.setState("red", store.TenantActive)
	p.eventually("it is served again", func() bool {
		status, _ := red("alice").ask(http.MethodGet, path, "")
		return status == http.StatusOK
	})
}

// A purge leaves nothing of a tenant anywhere and all of another whose ids are the same; what was published before comes behind it nowhere.
func TestAPurgeTakesATenantAlone(t *testing.T) {
	p := startPlatform(t)
	red, blue := p.tenant("red"), p.tenant("blue")
	path := p.talk(red, "redsecret")
	p.talk(blue, "bluesecret")
	red("alone").must(http.MethodPut, "/v1/devices/phone", `{"platform":"ios","push_channel":"APNS","push_token":"redtoken"}`)
	before, err := contents(p, "blue", false)
	if err != nil {
		t.Fatal(err)
	}
	r := role{name: "purge", pod: "test", cfg: &p.cfg, log: slog.New(slog.DiscardHandler), local: &local{aws: p.engines.AWS, store: p.engines.Store}, tracers: noop.NewTracerProvider()}
	if _, err := r.purge(t.Context(), "red", -1); !errors.Is(err, purge.ErrServed) {
		t.Errorf("a tenant that is served: %v", err)
	}
	if _, err := r.purge(t.Context(), dev.Tenant, -1); !errors.Is(err, purge.ErrServed) {
		t.Errorf("a tenant of the configuration's: %v", err)
	}
	p.setState("red", store.TenantDeleting)
	p.eventually("the tenant is closed", func() bool {
		status, _ := red("alice").ask(http.MethodGet, path, "")
		return status == http.StatusForbidden
	})
	progress, err := r.purge(t.Context(), "red", time.Second)
	if err != nil || progress.Conversations != 1 || progress.Phase != purge.PhaseDone {
		t.Fatalf("%+v, %v", progress, err)
	}
	left, err := contents(p, "red", true)
	if err != nil {
		t.Fatal(err)
	}
	if left != "" {
		t.Errorf("of the tenant is left:\n%s", left)
	}
	if after, err := contents(p, "blue", false); err != nil || after != before {
		t.Errorf("the other tenant had\n%s\nand has\n%s, %v", before, after, err)
	}
	if found, err := p.engines.Store.Tenants(t.Context(), "red"); err != nil || len(found) != 1 || found[0].Purge.Conversations != 1 {
		t.Errorf("the progress that the operator reads: %+v, %v", found, err)
	}
	blue("alice").must(http.MethodGet, path+"/messages", "")
}

// contents is what the read model and the store have of a tenant; with all, what comes and goes by itself, too.
func contents(p *platform, tenant string, all bool) (string, error) {
	ctx, pg := p.t.Context(), p.cfg.Postgres
	password, err := config.ReadSecret(pg.PasswordFile)
	if err != nil {
		return "", err
	}
	db, err := pgx.Connect(ctx, fmt.Sprintf("host='%s' port=%d dbname='%s' user='%s' password='%s' sslmode=%s", pg.Host, pg.Port, pg.Database, pg.User, password, pg.SSLMode))
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close(ctx) }()
	var out bytes.Buffer
	for _, table := range []string{"conversations", "members", "messages", "tails", "parked_conversations", "parked_records",
		"analytics_conversations", "analytics_reads", "analytics_waiting", "analytics_rollups", "analytics_pushes", "analytics_sources", "audit_keys"} {
		var n int
		if err := db.QueryRow(ctx, "SELECT count(*) FROM "+table+" WHERE tenant = $1", tenant).Scan(&n); err != nil {
			return "", err
		}
		if n > 0 && (all || table != "tails" && !strings.HasPrefix(table, "a")) {
			fmt.Fprintf(&out, "%d rows of %s\n", n, table)
		}
	}
	for _, user := range []string{"alice", "bob", "alone"} {
		u, err := store.NewUser(store.Tenant(tenant), user)
		if err != nil {
			return "", err
		}
		devices, err := p.engines.Store.Devices(ctx, u)
		if err != nil {
			return "", err
		}
		memberships, err := p.engines.Store.Memberships(ctx, u)
		if err != nil {
			return "", err
		}
		for _, m := range memberships {
			log, err := p.engines.Store.Read(ctx, m.Conv, 1, 100)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&out, "%s is in %s with %d batches\n", user, m.Conv.ID(), len(log))
		}
		if len(devices) > 0 {
			fmt.Fprintf(&out, "%s has %d devices\n", user, len(devices))
		}
	}
	for _, key := range p.engines.Redis.Keys() {
		if all && strings.Contains(key, "{"+tenant+"#") || all && strings.Contains(key, "}#"+tenant+"#") {
			fmt.Fprintf(&out, "key %s\n", key)
		}
	}
	return out.String(), nil
}
