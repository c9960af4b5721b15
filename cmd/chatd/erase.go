package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/erase"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxPointInTime is how far back DynamoDB restores a table at most, and where nothing else is configured.
const maxPointInTime = 35 * 24 * time.Hour

// eraseOptions are what the command line says.
type eraseOptions struct {
	user                         store.User
	settle, pointInTime, backups time.Duration
}

func eraseCommand() *cobra.Command {
	var (
		configPath, pod, tenant, user string
		o                             eraseOptions
		level                         slog.Level
	)
	cmd := &cobra.Command{
		Use: "erase", Short: "Take a user out of everything that is kept", Args: cobra.NoArgs,
		Long: "erase signs a user out for good, deletes what the user has said in all copies, takes back reactions, leaves every conversation and " +
			"deletes devices and memberships. It prints a report of what is gone, and when the last copy is. A legal hold refuses it. It may be " +
			"stopped and started again. Remove the user at the identity provider first. docs/erasure.md says what remains.",
		Example: `  chatd erase --tenant acme --user ann
  chatd erase --tenant acme --user ann --database-backups 168h`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.user, err = store.NewUser(store.Tenant(tenant), user); err != nil {
				return err
			}
			log := newLogger(cmd.ErrOrStderr(), level)
			cfg, err := loadConfig(configPath, log)
			if err != nil {
				return err
			}
			report, err := (role{name: "erase", pod: pod, cfg: cfg, log: log, tracers: noop.NewTracerProvider()}).erase(cmd.Context(), o)
			if err != nil {
				return err
			}
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetIndent("", "  ")
			return out.Encode(report)
		},
	}
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant's id")
	cmd.Flags().StringVar(&user, "user", "", "the user's id")
	cmd.Flags().StringVar(&pod, "pod", "erase", "this process's name")
	cmd.Flags().DurationVar(&o.settle, "settle", erase.DefaultSettle, "how long to wait until every pod refuses the user's tokens")
	cmd.Flags().DurationVar(&o.pointInTime, "point-in-time", maxPointInTime, "how far back DynamoDB's tables can be restored; 0 when that is not known")
	cmd.Flags().DurationVar(&o.backups, "database-backups", 0, "how long Aurora's backups are kept; 0 when that is not known")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	_ = cmd.MarkFlagRequired("tenant") // the flags are there
	_ = cmd.MarkFlagRequired("user")
	return cmd
}

// erase erases a user with the role's backends.
func (r role) erase(ctx context.Context, o eraseOptions) (erase.Report, error) {
	b, err := r.backends(ctx)
	if err != nil {
		return erase.Report{}, err
	}
	defer b.cache.Close()
	model, err := r.openModel(ctx)
	if err != nil {
		return erase.Report{}, err
	}
	defer model.Close()
	tokens, err := auth.NewRevocations(auth.RevocationsOptions{Store: b.store, Log: r.log})
	if err != nil {
		return erase.Report{}, err
	}
	producer, err := r.producer()
	if err != nil {
		return erase.Report{}, err
	}
	defer r.closeProducer(producer)
	topics, err := eventlog.LongestRetention(ctx, r.cfg.Kafka, r.clientID())
	if err != nil {
		r.log.WarnContext(ctx, "the topics' retention is not known: the report says that it is to be looked at", "error", err)
	}
	var report erase.Report
	err = r.withChat(ctx, func(ctx context.Context, pool *chatpool.Pool) (err error) {
		report, err = erase.Run(ctx, erase.Options{
			User: o.user, Store: b.store, Model: model, Chat: erase.Asking{Sender: pool}, Tokens: tokens, Cache: memories{Cache: b.cache, cfg: r.cfg.Redis}, Settle: o.settle, Log: r.log,
			Pseudonyms: pseudonyms{role: r, producer: producer, log: audit.NewLog(model)},
			Copies:     erase.Copies{Topics: topics, Hot: r.cfg.DynamoDB.HotRetention.Duration, PointInTime: o.pointInTime, Backups: o.backups},
			Projected: func(ctx context.Context) error {
				return eventlog.AwaitConsumed(ctx, r.cfg.Kafka, r.clientID(), eventlog.ProjectGroup, eventlog.LogTopic, eventlog.MarksTopic)
			},
		})
		return err
	})
	return report, err
}

// memories are what is kept of users in Redis.
type memories struct {
	*cache.Cache
	cfg config.Redis
}

// ForgetUser implements erase.Cache: detectors remember senders, too, whether they run still or not.
func (m memories) ForgetUser(ctx context.Context, u store.User, convs []store.Conv) error {
	if err := m.Cache.ForgetUser(ctx, u, convs); err != nil {
		return err
	}
	for _, d := range detectors {
		state, err := d.state(m.cfg)
		if err != nil {
			return err
		}
		if state == nil {
			continue
		}
		if err := errors.Join(state.Forget(ctx, u), state.Close()); err != nil {
			return fmt.Errorf("forget what %s remembers: %w", d.name, err)
		}
	}
	return nil
}

// pseudonyms are what the audit log knows users by.
type pseudonyms struct {
	role
	producer *eventlog.Producer
	log      *audit.Log
}

// Forget has the erasure recorded, and destroys the user's key when the audit log has seen all that is about the user: what it saw later it
// would note under a new one.
func (p pseudonyms) Forget(ctx context.Context, erasure string, u store.User) error {
	err := p.producer.Audit(ctx, eventlog.AuditRecord{
		Tenant: u.Tenant(), ID: "erased/" + erasure, At: time.Now(), Kind: eventlog.AuditErased, Subject: u.ID(),
		Details: map[string]string{"erasure": erasure},
	})
	if err != nil {
		return fmt.Errorf("record the erasure: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, processorsWithin)
	defer cancel()
	p.awaitAudit(within)
	return p.log.Forget(ctx, u)
}

// openModel opens the read model and makes sure that it fits.
func (r role) openModel(ctx context.Context) (*readmodel.Model, error) {
	model, err := readmodel.Open(r.cfg.Postgres, readmodel.Options{Application: r.clientID()})
	if err != nil {
		return nil, err
	}
	if err := model.Compatible(ctx); err != nil {
		model.Close()
		return nil, err
	}
	return model, nil
}

// withChat runs f beside streams to the chat pods, as a gateway without clients has them: with a gateway's certificate.
func (r role) withChat(ctx context.Context, f func(context.Context, *chatpool.Pool) error) error {
	creds, _, err := r.chatCredentials(newOps(r.log))
	if err != nil {
		return err
	}
	pool, err := chatpool.New(chatpool.Options{
		Service: r.cfg.Chat.Service, Gateway: r.pod, Logger: r.log, Credentials: creds, Resolve: fixed(r.cfg.Chat.Addresses),
	})
	if err != nil {
		return err
	}
	return beside(ctx, func(ctx context.Context) error { return f(ctx, pool) }, pool.Run)
}
