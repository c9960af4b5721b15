package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/announce"
	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/controllers/chattenant"
	"github.com/chatcluster/chatcluster/controllers/metrics"
)

// version is stamped by the build.
var version = "dev"

// options are the command line.
type options struct {
	metricsAddress    string
	metricsSecure     bool
	probeAddress      string
	leaderElection    bool
	leaderElectionID  string
	leaderNamespace   string
	watchNamespaces   string
	concurrency       int
	operator          string
	allowEndpoints    bool
	allowInsecureJWKS bool
	allowPrivateJWKS  bool
	assumableRoles    string
	observeEvery      time.Duration
	reportEvery       time.Duration
	verbosity         int
	version           bool
}

func (o *options) bind(fs *flag.FlagSet) {
	fs.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "Address of the metrics; 0 turns them off.")
	fs.BoolVar(&o.metricsSecure, "metrics-secure", true, "Serve metrics over TLS to those who are authorized to read them; false serves them to anyone in plain HTTP.")
	fs.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "Address of the probes /healthz and /readyz.")
	fs.BoolVar(&o.leaderElection, "leader-elect", true, "Let one of several managers work at a time.")
	fs.StringVar(&o.leaderElectionID, "leader-election-id", "chatcluster-operator", "Name of the Lease that the leader holds.")
	fs.StringVar(&o.leaderNamespace, "leader-election-namespace", "", "Namespace of that Lease; the manager's own when empty.")
	fs.StringVar(&o.watchNamespaces, "watch-namespaces", "", "Namespaces whose ChatClusters and ChatTenants are reconciled, comma-separated; all when empty.")
	fs.IntVar(&o.concurrency, "max-concurrent-reconciles", 8, "How many ChatClusters, and how many ChatTenants, are reconciled at once, 1 to 256.")
	fs.StringVar(&o.operator, "operator-name", "chatcluster", "Name of this installation in the tags of what it creates on AWS.")
	fs.BoolVar(&o.allowEndpoints, "allow-aws-endpoints", false, "Let ChatClusters replace the endpoints of AWS services (spec.aws.endpoints).")
	fs.BoolVar(&o.allowInsecureJWKS, "allow-insecure-issuers", false, "Let ChatClusters and ChatTenants fetch issuers' keys over plain HTTP, and from any address.")
	fs.BoolVar(&o.allowPrivateJWKS, "allow-private-issuers", false, "Let ChatTenants fetch issuers' keys from addresses that are not public.")
	fs.StringVar(&o.assumableRoles, "assumable-roles", "", "AWS roles that ChatClusters may have assumed (spec.aws.assumeRoleARN): namespace=role ARN, comma-separated. The namespace * is any; in an ARN, * stands for any characters but a slash.")
	fs.DurationVar(&o.observeEvery, "observe-every", 5*time.Minute, "How long what was found as wanted on AWS and Kafka is not looked at again, at least; at most twice that.")
	fs.DurationVar(&o.reportEvery, "report-every", 15*time.Second, "How long, at most, a ChatCluster waits for others before its status tells of progress, its turn aside; what somebody has to know it tells at once. 0 tells all at once.")
	fs.BoolVar(&o.version, "version", false, "Print the version and exit.")
	fs.IntVar(&o.verbosity, "v", 0, "Verbosity of the log, 0 to 10.")
}

func (o *options) validate() error {
	var errs []error
	if o.concurrency < 1 || o.concurrency > 256 {
		errs = append(errs, fmt.Errorf("--max-concurrent-reconciles must be 1 to 256, not %d", o.concurrency))
	}
	if o.observeEvery < 0 {
		errs = append(errs, errors.New("--observe-every must not be negative"))
	}
	if o.reportEvery < 0 {
		errs = append(errs, errors.New("--report-every must not be negative"))
	}
	if o.operator == "" || len(o.operator) > 128 {
		errs = append(errs, errors.New("--operator-name must have 1 to 128 characters"))
	}
	if o.verbosity < 0 || o.verbosity > 10 {
		errs = append(errs, fmt.Errorf("--v must be 0 to 10, not %d", o.verbosity))
	}
	return errors.Join(errs...)
}

// namespaces returns the cache's namespaces, nil for all.
func (o *options) namespaces() map[string]cache.Config {
	var found map[string]cache.Config
	for _, n := range strings.Split(o.watchNamespaces, ",") {
		if n = strings.TrimSpace(n); n != "" {
			if found == nil {
				found = map[string]cache.Config{}
			}
			found[n] = cache.Config{}
		}
	}
	return found
}

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(chatcluster.GCPercent)
	}
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var o options
	fs := flag.NewFlagSet("manager", flag.ExitOnError)
	o.bind(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.version {
		_, err := fmt.Println("manager version " + version)
		return err
	}
	if err := o.validate(); err != nil {
		return err
	}
	// logr's V(n) is slog's level -n.
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.Level(-o.verbosity)})))

	mgr, err := newManager(o)
	if err != nil {
		return err
	}
	roles, err := chatcluster.ParseRoles(o.assumableRoles)
	if err != nil {
		return fmt.Errorf("--assumable-roles: %w", err)
	}
	calls, err := metrics.NewCalls(ctrlmetrics.Registry)
	if err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	if err := ctrlmetrics.Registry.Register(metrics.NewConditions(metrics.ChatClusters(mgr.GetCache()), metrics.ChatTenants(mgr.GetCache()))); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	clients, err := newClients(ctx, calls)
	if err != nil {
		return err
	}
	defer clients.close()
	recorder, err := announce.ForConfig(ctx, mgr.GetConfig(), mgr.GetScheme(), "chatcluster-operator")
	if err != nil {
		return err
	}
	reconciler := chatcluster.New(mgr.GetClient(), mgr.GetAPIReader(), recorder, clients.external(), chatcluster.Options{
		Operator:             o.operator,
		AllowAWSEndpoints:    o.allowEndpoints,
		AssumableRoles:       roles,
		AllowInsecureIssuers: o.allowInsecureJWKS,
		AllowPrivateIssuers:  o.allowPrivateJWKS,
		ObserveEvery:         o.observeEvery,
		ReportEvery:          o.reportEvery,
	})
	if err := reconciler.SetupWithManager(ctx, mgr, o.concurrency); err != nil {
		return fmt.Errorf("set up the reconciler: %w", err)
	}
	tenants := chattenant.New(mgr.GetClient(), mgr.GetAPIReader(), recorder, reconciler, chattenant.Options{
		AllowInsecureIssuers: o.allowInsecureJWKS,
		ObserveEvery:         o.observeEvery,
	})
	if err := tenants.SetupWithManager(ctx, mgr, o.concurrency); err != nil {
		return fmt.Errorf("set up the tenants' reconciler: %w", err)
	}
	return mgr.Start(ctx)
}

func newManager(o options) (manager.Manager, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	serving := metricsserver.Options{BindAddress: o.metricsAddress}
	if o.metricsSecure {
		serving.SecureServing = true
		serving.FilterProvider = filters.WithAuthenticationAndAuthorization
		serving.TLSOpts = []func(*tls.Config){func(c *tls.Config) { c.MinVersion = tls.VersionTLS12 }}
	}
	grace := 30 * time.Second
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cache.Options{ByObject: chatcluster.CacheOptions(), DefaultNamespaces: o.namespaces()},
		Client:                        client.Options{FieldOwner: string(chatcluster.FieldOwner)},
		Metrics:                       serving,
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElection,
		LeaderElectionID:              o.leaderElectionID,
		LeaderElectionNamespace:       o.leaderNamespace,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &grace,
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, nil
}
