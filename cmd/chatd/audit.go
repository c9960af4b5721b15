package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
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
		Log: audit.NewLog(model), Destination: to, Sign: signer(r.cfg.Audit.SigningKeyFile), ExportEvery: r.cfg.Audit.ExportEvery.Duration, Logger: r.log, Registerer: o.registerer,
	})
	if err != nil {
		return err
	}
	o.require(check{name: "read model", run: model.Compatible})
	return r.consume(ctx, o, auditor.Consumer(), auditor.Run)
}

// signer reads the key of a file each time, nil for no file.
func signer(path string) func() (*audit.Signer, error) {
	if path == "" {
		return nil
	}
	return func() (*audit.Signer, error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the signing key: %w", err)
		}
		return audit.ParseSigningKey(data)
	}
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
