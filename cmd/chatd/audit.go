package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// defaultRetain is how long exported objects are locked where nobody says: a year.
const defaultRetain = 365 * 24 * time.Hour

func runAudit(ctx context.Context, r role, o *ops) error {
	cfg, err := r.awsConfig(ctx)
	if err != nil {
		return err
	}
	model, err := openAuditModel(r.cfg, r.clientID())
	if err != nil {
		return err
	}
	defer model.Close()
	var to audit.Destination
	if r.cfg.Audit.ExportTo != "" {
		if to, err = auditDestination(cfg, r.cfg.AWS.Endpoints.S3, r.cfg.Audit); err != nil {
			return err
		}
	}
	auditor, err := audit.New(audit.Options{
		Log: audit.NewLog(model), Destination: to, ExportEvery: r.cfg.Audit.ExportEvery.Duration, Logger: r.log, Registerer: o.registerer,
	})
	if err != nil {
		return err
	}
	o.require(check{name: "read model", run: model.Compatible})
	return r.consume(ctx, o, auditor.Consumer(), auditor.Run)
}

// awsConfig is where AWS is, for a role that needs no store. It also gives the role's configuration what IAM's logins are made with.
func (r role) awsConfig(ctx context.Context) (aws.Config, error) {
	if r.local != nil {
		return r.local.aws, nil
	}
	cfg, err := awsConfig(ctx, r.cfg.AWS)
	if err == nil {
		logIn(r.cfg, cfg)
	}
	return cfg, err
}

// openAuditModel opens the database at its writer alone: a reader that lags would make the log look cut off.
func openAuditModel(cfg *config.Config, application string) (*readmodel.Model, error) {
	postgres := cfg.Postgres
	postgres.ReaderHost = ""
	return readmodel.Open(postgres, readmodel.Options{Application: application})
}

// auditDestination understands s3://bucket/prefix and file:///folder, and plain paths.
func auditDestination(cfg aws.Config, endpoint string, a config.Audit) (audit.Destination, error) {
	if !strings.Contains(a.ExportTo, "://") && a.ExportTo != "" {
		return audit.Folder{Dir: a.ExportTo}, nil
	}
	u, err := url.Parse(a.ExportTo)
	switch {
	case err != nil:
		return nil, fmt.Errorf("where the audit log is exported to: %w", err)
	case u.Scheme == "file" && u.Host == "" && u.Path != "":
		return audit.Folder{Dir: u.Path}, nil
	case u.Scheme == "s3" && u.Host != "":
		return audit.Bucket{
			API: audit.NewObjectAPI(cfg, endpoint), Name: u.Host, Prefix: strings.Trim(u.Path, "/"), Retain: a.RetainFor.Duration, Governance: a.Governance,
		}, nil
	}
	return nil, fmt.Errorf("where the audit log is exported to is s3://bucket/prefix or a folder, not %q", a.ExportTo)
}

// auditCommand is the role, and below it what an auditor uses.
func auditCommand() *cobra.Command {
	cmd := roleCommand("audit", "Keep the audit log", runAudit)
	cmd.AddCommand(auditVerifyCommand(), auditExportCommand(), auditPseudonymCommand())
	return cmd
}

// auditTool is what the subcommands share.
type auditTool struct {
	configPath, endpoint string
	tenants              []string

	log *audit.Log
	aws aws.Config
}

func (a *auditTool) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&a.endpoint, "endpoint", "", "URL of an S3-compatible store; the configuration's, or the Region's, when empty")
	cmd.Flags().StringSliceVar(&a.tenants, "tenant", nil, "the tenant's id, more than once for several; all when absent")
}

// open opens the log; close ends it.
func (a *auditTool) open(ctx context.Context) (closeLog func(), err error) {
	cfg, _, err := config.Load(a.configPath)
	if err != nil {
		return nil, err
	}
	r := role{name: "audit", cfg: cfg}
	if a.aws, err = r.awsConfig(ctx); err != nil {
		return nil, err
	}
	if a.endpoint == "" {
		a.endpoint = cfg.AWS.Endpoints.S3
	}
	model, err := openAuditModel(cfg, "chatd audit")
	if err != nil {
		return nil, err
	}
	if err := model.Compatible(ctx); err != nil {
		model.Close()
		return nil, err
	}
	a.log = audit.NewLog(model)
	return model.Close, nil
}

func auditVerifyCommand() *cobra.Command {
	var (
		tool    auditTool
		against string
	)
	cmd := &cobra.Command{
		Use: "verify", Short: "Find entries of the audit log that were removed, changed or moved", Args: cobra.NoArgs,
		Long: "verify looks at every entry of the audit log. Each is to follow the one before it, and to say what it said when it was written. With --against, " +
			"the log is to hold what was exported, too: that alone shows an end that was cut off well. What is wrong is printed, with its place; then the exit code is 1.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			closeLog, err := tool.open(ctx)
			if err != nil {
				return err
			}
			defer closeLog()
			var from audit.Destination
			if against != "" {
				if from, err = auditDestination(tool.aws, tool.endpoint, config.Audit{ExportTo: against}); err != nil {
					return err
				}
			}
			tenants, err := tool.known(ctx, from)
			if err != nil {
				return err
			}
			faults := 0
			for _, tenant := range tenants {
				v, err := verifyTenant(ctx, tool.log, from, tenant)
				if err != nil {
					return err
				}
				faults += len(v.Faults)
				for _, f := range v.Faults {
					fmt.Fprintln(cmd.OutOrStdout(), f)
				}
				if len(v.Faults) == 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "tenant %s: %d entries, compared with %d exports: intact; head %s\n", tenant, v.Head.N, v.Checkpoints, v.Head.Hash)
				}
			}
			if faults > 0 {
				return fmt.Errorf("the audit log is not intact: %d faults", faults)
			}
			return nil
		},
	}
	tool.flags(cmd)
	cmd.Flags().StringVar(&against, "against", "", "where the log was exported to: s3://bucket/prefix or a folder")
	return cmd
}

// known are the tenants that are asked for, or all that have entries or an export.
func (a *auditTool) known(ctx context.Context, from audit.Destination) ([]string, error) {
	if len(a.tenants) > 0 {
		return a.tenants, nil
	}
	tenants, err := a.log.Tenants(ctx)
	if err != nil || from == nil {
		return tenants, err
	}
	exported, err := audit.ExportedTenants(ctx, from)
	if err != nil {
		return nil, err
	}
	tenants = append(tenants, exported...)
	slices.Sort(tenants)
	return slices.Compact(tenants), nil
}

func verifyTenant(ctx context.Context, log *audit.Log, from audit.Destination, tenant string) (audit.Verified, error) {
	var checkpoints []audit.Checkpoint
	if from != nil {
		var err error
		if checkpoints, err = audit.Checkpoints(ctx, from, tenant); err != nil {
			return audit.Verified{}, err
		}
	}
	return audit.Verify(ctx, log, tenant, checkpoints)
}

func auditExportCommand() *cobra.Command {
	var (
		tool auditTool
		to   config.Audit
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write what is new in the audit log to where nobody can change it", Args: cobra.NoArgs,
		Long: "export writes the entries that were not exported yet as lines of JSON, and beside each file a manifest with the log's head. It may be stopped " +
			"and started again. It refuses to go on where the log does not hold what was exported before.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			closeLog, err := tool.open(ctx)
			if err != nil {
				return err
			}
			defer closeLog()
			destination, err := auditDestination(tool.aws, tool.endpoint, to)
			if err != nil {
				return err
			}
			tenants, err := tool.known(ctx, nil)
			if err != nil {
				return err
			}
			// One tenant's log that is not intact keeps no other's from being exported.
			var errs []error
			for _, tenant := range tenants {
				done, err := audit.Export(ctx, tool.log, destination, tenant)
				if err != nil {
					errs = append(errs, fmt.Errorf("tenant %s: %w", tenant, err))
				}
				fmt.Fprintf(cmd.OutOrStdout(), "tenant %s: %d entries in %d files; exported up to entry %d, head %s\n",
					tenant, done.Entries, done.Objects, done.Head.N, done.Head.Hash)
			}
			return errors.Join(errs...)
		},
	}
	tool.flags(cmd)
	cmd.Flags().StringVar(&to.ExportTo, "to", "", "s3://bucket/prefix, a bucket with Object Lock, or a folder")
	cmd.Flags().DurationVar(&to.RetainFor.Duration, "retain-for", defaultRetain, "how long objects in a bucket are locked")
	cmd.Flags().BoolVar(&to.Governance, "governance", false, "lock in governance mode, which a permission of its own lifts, instead of compliance mode")
	_ = cmd.MarkFlagRequired("to") // the flag is there
	return cmd
}

func auditPseudonymCommand() *cobra.Command {
	var (
		tool         auditTool
		tenant, user string
	)
	cmd := &cobra.Command{
		Use: "pseudonym", Short: "Print the name under which the audit log has a user", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := store.NewUser(store.Tenant(tenant), user)
			if err != nil {
				return err
			}
			closeLog, err := tool.open(cmd.Context())
			if err != nil {
				return err
			}
			defer closeLog()
			name, err := tool.log.Pseudonym(cmd.Context(), u)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), name)
			return nil
		},
	}
	cmd.Flags().StringVar(&tool.configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant's id")
	cmd.Flags().StringVar(&user, "user", "", "the user's id")
	_, _ = cmd.MarkFlagRequired("tenant"), cmd.MarkFlagRequired("user") // the flags are there
	return cmd
}
