package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dev"
	"github.com/chatcluster/chatcluster/runtime/web"
)

// readyEvery is how often dev looks whether everything is ready.
const readyEvery = 20 * time.Millisecond

type devOptions struct {
	listen, sinkListen, opsListen string
	adminListen, admin            string
	dir                           string
	ephemeral                     bool
	users, origins                []string
	// processors are modes by the names of detectors.
	processors map[string]string
	pushDelay  time.Duration
	level      slog.Level
}

func devCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use: "dev", Short: "Run everything in one process, for who builds a client", Args: cobra.NoArgs,
		Long: "dev is the whole data plane in one process: every role on an embedded store, an in-process Kafka and Redis, and a PostgreSQL " +
			"that it starts itself from the machine's own package. It mints tokens for its users and shows what their phones would show. " +
			"What is said is still there at the next start, unless it is ephemeral.",
		Example: `  chatd dev --ephemeral
  chatd dev --users alice,bob,carol --processor spam=Enforce --allow-origin http://localhost:5173`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDev(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:18080", "address of WebSocket and REST")
	f.StringVar(&o.adminListen, "admin-listen", "127.0.0.1:18082", "address of the admin API")
	f.StringVar(&o.admin, "admin", "moderator", "whom to mint a token for that may moderate, administer and audit")
	f.StringVar(&o.sinkListen, "sink-listen", "127.0.0.1:18081", "address of the push sink")
	f.StringVar(&o.opsListen, "ops-listen", "127.0.0.1:0", "address of probes and metrics")
	f.StringVar(&o.dir, "data-dir", defaultDataDir(), "where everything is kept")
	f.BoolVar(&o.ephemeral, "ephemeral", false, "keep nothing: a data folder of its own that is removed at the end")
	f.StringSliceVar(&o.users, "users", []string{"alice", "bob"}, "whom to mint tokens for")
	f.StringSliceVar(&o.origins, "allow-origin", nil, "web origins that may connect")
	f.StringToStringVar(&o.processors, "processor", nil, "detectors to run and their modes, such as spam=Enforce")
	f.DurationVar(&o.pushDelay, "push-delay", 5*time.Second, "how long a device has to confirm a message before it is pushed")
	f.TextVar(&o.level, "log-level", slog.LevelWarn, "debug, info, warn or error")
	return cmd
}

// defaultDataDir is where a person's state belongs. Root's home is no place for it: PostgreSQL runs as another user.
func defaultDataDir() string {
	home, err := os.UserHomeDir()
	if os.Geteuid() == 0 || err != nil {
		return "/var/lib/chatcluster/chatd-dev"
	}
	return filepath.Join(home, ".local", "state", "chatcluster", "chatd-dev")
}

func runDev(ctx context.Context, o devOptions, out, errOut io.Writer) (err error) {
	began := time.Now()
	log := newLogger(errOut, o.level)
	if o.ephemeral {
		if o.dir, err = os.MkdirTemp("", "chatd-dev-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
		// PostgreSQL's user has to get through.
		if err := os.Chmod(o.dir, 0o711); err != nil {
			return err
		}
	}
	// A port that is taken is found before anything starts.
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	adminLn, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.adminListen)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	engines, err := dev.Start(ctx, dev.Options{Dir: o.dir, NoSync: o.ephemeral, SinkListen: o.sinkListen, PushDelay: o.pushDelay, Log: log})
	if err != nil {
		return errors.Join(err, ln.Close(), adminLn.Close())
	}
	defer func() { err = errors.Join(err, engines.Close()) }()
	tokens, err := writeTokens(engines, o)
	if err != nil {
		return errors.Join(err, ln.Close(), adminLn.Close())
	}

	ops := newOps(log)
	all := allRoles{cfg: engines.Config, local: local{aws: engines.AWS, store: engines.Store}, gateway: ln, admin: adminLn, log: log}
	all.cfg.Gateway.AllowedOrigins, all.cfg.Gateway.WebClient = o.origins, true
	if all.cfg.Processors, err = config.ProcessorsOf(o.processors); err != nil {
		return errors.Join(err, ln.Close(), adminLn.Close())
	}
	return serve(ctx, ops, o.opsListen, func(ctx context.Context) error {
		return beside(ctx,
			func(ctx context.Context) error { return all.run(ctx, ops) },
			engines.Watch,
			func(ctx context.Context) error {
				return announce(ctx, ops, all.names(), out, began, welcome(o, ln.Addr(), adminLn.Addr(), engines, tokens))
			})
	})
}

// writeTokens mints tokens into files that only this user can read.
func writeTokens(e *dev.Engines, o devOptions) (map[string]string, error) {
	dir := filepath.Join(o.dir, "tokens")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("write the tokens: %w", err)
	}
	files := map[string]string{}
	for _, user := range append([]string{o.admin}, o.users...) {
		mint := e.Token
		if user == o.admin {
			mint = e.AdminToken
		}
		token, err := mint(user, issuer.MaxTTL)
		if err != nil {
			return nil, err
		}
		file, err := filepath.Abs(filepath.Join(dir, filepath.Base(user)+".token"))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("write the tokens: %w", err)
		}
		files[user] = file
	}
	return files, nil
}

// announce says, once everything is ready, how to go on, and waits for the end.
func announce(ctx context.Context, o *ops, roles []string, out io.Writer, began time.Time, how string) error {
	t := time.NewTicker(readyEvery)
	defer t.Stop()
	for {
		if status, body := o.look(ctx); status == http.StatusOK && allNamed(roles, body) {
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
	fmt.Fprintf(out, "Ready in %.1f s.\n%s", time.Since(began).Seconds(), how)
	<-ctx.Done()
	return nil
}

// allNamed says whether every role has come so far as to name what it needs.
func allNamed(roles []string, checks map[string]string) bool {
	for _, role := range roles {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(checks)), func(name string) bool { return strings.HasPrefix(name, role+": ") }) {
			return false
		}
	}
	return true
}

// welcome is what a person needs to know.
func welcome(o devOptions, addr, adminAddr net.Addr, e *dev.Engines, tokens map[string]string) string {
	text := fmt.Sprintf("  web client  http://%s%s  (choose \"Use a token\" and paste alice's; be bob in a private window)\n", addr, web.Root)
	if h, err := web.New(web.Options{}); err != nil || !h.Built() {
		text = "  web client  not in this build: `make web` (Node.js 20.19 or newer), then `make dev`\n"
	}
	text += fmt.Sprintf("  gateway     ws://%[1]s (WebSocket)  http://%[1]s/v1 (REST)\n  push sink   %[2]s (what phones would show)\n  key set     %[3]s\n  admin       http://%[4]s/admin/v1\n",
		addr, e.SinkURL, e.Config.Auth.Issuers[0].JWKSURL, adminAddr)
	if !o.ephemeral {
		text += "  data        " + o.dir + "\n"
	}
	text += fmt.Sprintf("  admin token %s (%s)\n", tokens[o.admin], o.admin)
	for _, user := range o.users {
		text += fmt.Sprintf("  token       %s (%s)\n", tokens[user], user)
	}
	self, err := os.Executable()
	if err != nil {
		self = "chatd"
	}
	if len(o.users) > 1 {
		text += "Chat, in two terminals:\n"
		for i, to := range []int{1, 0} {
			text += fmt.Sprintf("  %s client --url ws://%s --token-file %s --to %s\n", self, addr, tokens[o.users[i]], o.users[to])
		}
	}
	return text + "Stop it with Ctrl-C.\n"
}

// allRoles is every role in one process.
type allRoles struct {
	cfg     config.Config
	local   local
	gateway net.Listener
	// admin is where the admin API is served; nil: nowhere.
	admin net.Listener
	// chat is where the chat service is, any free port of the loopback when nil.
	chat net.Listener
	log  *slog.Logger
}

// names are the roles that run.
func (a allRoles) names() []string {
	names := []string{"gateway", "chat", "project", "notify", "audit", "analytics"}
	if a.admin != nil {
		names = append(names, "admin")
	}
	for _, d := range a.detectors() {
		names = append(names, d.name)
	}
	return names
}

// detectors are those that are configured.
func (a allRoles) detectors() []detectorRole {
	by := a.cfg.Processors.By()
	return slices.DeleteFunc(slices.Clone(detectors), func(d detectorRole) bool {
		_, ok := by[d.name]
		return !ok
	})
}

// run runs them until ctx ends: then the gateway drains while the others are still there.
func (a allRoles) run(ctx context.Context, o *ops) error {
	if a.chat == nil {
		var err error
		if a.chat, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return errors.Join(err, a.gateway.Close())
		}
	}
	a.cfg.Chat.Service = a.chat.Addr().String()
	start := func(name string, ln net.Listener, run func(context.Context, role, *ops) error) func(context.Context) error {
		r := role{name: name, pod: "dev", cfg: &a.cfg, log: a.log.With("role", name), ln: ln, local: &a.local, tracers: noop.NewTracerProvider()}
		return func(ctx context.Context) error {
			if err := run(ctx, r, o.of(name)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}
	}
	support := []func(context.Context) error{
		start("chat", a.chat, runChat), start("project", nil, runProject), start("notify", nil, runNotify),
		start("audit", nil, runAudit), start("analytics", nil, runAnalytics),
	}
	if a.admin != nil {
		support = append(support, start("admin", a.admin, runAdmin))
	}
	for _, d := range a.detectors() {
		support = append(support, start(d.name, nil, d.run))
	}
	return beside(ctx, start("gateway", a.gateway, runGateway), support...)
}
