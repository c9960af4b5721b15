package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
)

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

func auditPseudonymCommand() *cobra.Command {
	var (
		tool         auditTool
		tenant, user string
	)
	cmd := &cobra.Command{
		Use: "pseudonym", Short: "Print the name under which the audit log has a user", Args: cobra.NoArgs,
		Example: "  chatd audit pseudonym --tenant acme --user alice",
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
