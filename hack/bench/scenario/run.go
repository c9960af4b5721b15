package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/admin"
	"github.com/chatcluster/chatcluster/hack/bench/load"
	"github.com/chatcluster/chatcluster/hack/bench/process"
	"github.com/chatcluster/chatcluster/hack/bench/server"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

// Options of a run.
type Options struct {
	// Quick shortens every scenario to under a minute: a look, not a figure.
	Quick bool
	// WarmUp comes before every measurement.
	WarmUp time.Duration
	// Repeats is how often what is compared is measured.
	Repeats int
	// Sizes, where it is not empty, are how many ChatClusters there are, instead of those that the bars are about.
	Sizes []int
	// Tenants, where it is not 0, is how many ChatTenants there are, instead of those that the bars are about; negative for none.
	Tenants int
	// Profile, where it is not empty, is a folder for CPU and allocation profiles of the servers.
	Profile string
	// Log takes what happens meanwhile.
	Log io.Writer
}

// Scenarios by name, in order.
var scenarios = []struct {
	name string
	run  func(context.Context, *bench) error
}{
	{"S1", idle},
	{"S2", direct},
	{"S2D2", directOnEngines},
	{"S3", groups},
	{"S4", oneGroup},
	{"S5", storm},
	{"S6", slowReaders},
	{"S7", cost},
	{"P1", processors},
	{"P2", withoutProcessors},
	{"O1", provision},
	{"O2", steady},
	{"O3", isolation},
}

// Names of the scenarios.
func Names() []string {
	out := make([]string, len(scenarios))
	for i, s := range scenarios {
		out[i] = s.name
	}
	return out
}

// NeedEngines says whether one of them runs over the real engines.
func NeedEngines(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains([]string{"S2D2", "S7", "P1", "P2"}, name) })
}

// Run runs one scenario.
func Run(ctx context.Context, name string, o Options) (Result, error) {
	for _, s := range scenarios {
		if s.name != name {
			continue
		}
		dir, err := os.MkdirTemp("", "bench-")
		if err != nil {
			return Result{}, err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
		b := &bench{o: o, dir: dir, Result: Result{
			Scenario: name, Figures: map[string]any{}, Audit: "passed", Quick: o.Quick, Commit: commit(ctx), Machine: machine(),
		}}
		if err := s.run(ctx, b); err != nil {
			return b.Result, fmt.Errorf("%s: %w", name, err)
		}
		if b.Audit != "passed" {
			b.Met = false
		}
		return b.Result, nil
	}
	return Result{}, fmt.Errorf("no scenario %q: there are %v", name, Names())
}

// bench is a scenario under way.
type bench struct {
	Result
	o    Options
	dir  string
	runs int
}

func (b *bench) logf(format string, args ...any) {
	fmt.Fprintf(b.o.Log, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// short returns the first in a quick run.
func short[T any](b *bench, quick, full T) T {
	if b.o.Quick {
		return quick
	}
	return full
}

// sizes are the run's, or else the quick or the full ones.
func (b *bench) sizes(quick, full []int) []int {
	if len(b.o.Sizes) > 0 {
		return b.o.Sizes
	}
	return short(b, quick, full)
}

// tenants are the run's, or else the quick or the full number.
func (b *bench) tenants(quick, full int) int {
	if b.o.Tenants != 0 {
		return max(b.o.Tenants, 0)
	}
	return short(b, quick, full)
}

func (b *bench) warmUp() time.Duration { return short(b, min(b.o.WarmUp, 2*time.Second), b.o.WarmUp) }

// fail notes that an audit failed.
func (b *bench) fail(err error) {
	if err != nil {
		b.logf("%v", err)
		b.Audit = err.Error()
	}
}

// stage is a server with its clients.
type stage struct {
	b      *bench
	server *process.Server
	loop   *load.Loop
	fleet  *load.Fleet
	seed   server.Seed
	dir    string
	class  string
}

// stage starts the product.
func (b *bench) stage(ctx context.Context, class string, seed server.Seed) (*stage, error) {
	b.runs++
	s := &stage{b: b, seed: seed, class: class, dir: fmt.Sprintf("%s/%d", b.dir, b.runs)}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.start(ctx, "127.0.0.1:0"); err != nil {
		return nil, err
	}
	var err error
	if s.loop, err = load.NewLoop(); err != nil {
		return nil, errors.Join(err, s.server.Kill())
	}
	s.fleet = load.NewFleet(s.loop, s.server.Addr, load.Chat{}, seed.Sizes, server.Head)
	key, err := issuer.LoadKey(server.KeyFile(s.dir))
	if err != nil {
		return nil, errors.Join(err, s.server.Kill())
	}
	for _, m := range s.fleet.Members {
		m.Token, err = issuer.Mint(key, issuer.Claims{Issuer: server.Issuer, Audience: server.Audience, User: m.User, TTL: time.Hour})
		if err != nil {
			return nil, errors.Join(err, s.server.Kill())
		}
	}
	return s, nil
}

func (s *stage) start(ctx context.Context, listen string) (err error) {
	s.server, err = process.Start(ctx, "serve", "--class", s.class, "--dir", s.dir, "--listen", listen,
		"--sizes", strings.Trim(fmt.Sprint(s.seed.Sizes), "[]"), "--missed", fmt.Sprint(s.seed.Missed))
	return err
}

// audit settles the fleet and compares it with the store.
func (s *stage) audit() error {
	if _, err := s.fleet.Settle(30 * time.Second); err != nil {
		return err
	}
	stored, err := s.server.Logs()
	if err != nil {
		return err
	}
	return s.fleet.Audit(stored)
}

// end takes the stage away.
func (s *stage) end() error {
	s.loop.Close()
	return s.server.Stop()
}

// used measures what the server uses while f runs.
func used(s *process.Server, f func() error) (cpu float64, after admin.Stats, err error) {
	before, err := s.Stats()
	if err != nil {
		return 0, after, err
	}
	if err := f(); err != nil {
		return 0, after, err
	}
	after, err = s.Stats()
	return after.CPUSeconds - before.CPUSeconds, after, err
}
