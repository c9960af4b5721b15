package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// exported is what export says of a tenant. Its names are part of the output for programs.
type exported struct {
	Tenant  string `json:"tenant"`
	Entries int64  `json:"entries"`
	Files   int64  `json:"files"`
	Last    int64  `json:"exportedUpTo"`
	Head    string `json:"head"`
	Error   string `json:"error,omitempty"`
}

func auditExportCommand() *cobra.Command {
	var (
		tool auditTool
		to   config.Audit
		f    output.Format
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write what is new in the audit log to where nobody can change it", Args: cobra.NoArgs,
		Long: "export writes the entries that were not exported yet as lines of JSON, and beside each file a manifest with the log's head. It may be stopped " +
			"and started again. It refuses to go on where the log does not hold what was exported before.",
		Example: `  chatd audit export --to s3://vault/chat --retain-for 61320h
  chatd audit export --to s3://vault/chat --signing-key audit.key
  chatd audit export --to /srv/audit --tenant acme -o json`,
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
			var sign *audit.Signer
			if read := signer(to.SigningKeyFile); read != nil {
				if sign, err = read(); err != nil {
					return err
				}
			}
			tenants, err := tool.known(ctx, nil)
			if err != nil {
				return err
			}
			progress := output.NewProgress(cmd.ErrOrStderr())
			defer progress.End()
			// One tenant's log that is not intact keeps no other's from being exported.
			errs, all := []error{}, []exported{}
			for i, tenant := range tenants {
				progress.Say("exporting tenant %s, %d of %d", tenant, i+1, len(tenants))
				done, err := audit.Export(ctx, tool.log, destination, tenant, sign)
				e := exported{Tenant: tenant, Entries: done.Entries, Files: done.Objects, Last: done.Head.N, Head: done.Head.Hash.String()}
				if err != nil {
					e.Error = err.Error()
					errs = append(errs, fmt.Errorf("tenant %s: %w", tenant, err))
				}
				all = append(all, e)
			}
			progress.End()
			errs = append(errs, f.Print(cmd.OutOrStdout(), all, func(w io.Writer) error { return exportedLines(w, all) }))
			return errors.Join(errs...)
		},
	}
	tool.flags(cmd)
	f.Bind(cmd)
	cmd.Flags().StringVar(&to.ExportTo, "to", "", "s3://bucket/prefix, a bucket with Object Lock, or a folder")
	cmd.Flags().DurationVar(&to.RetainFor.Duration, "retain-for", defaultRetain, "how long objects in a bucket are locked")
	cmd.Flags().BoolVar(&to.Governance, "governance", false, "lock in governance mode, which a permission of its own lifts, instead of compliance mode")
	cmd.Flags().StringVar(&to.SigningKeyFile, "signing-key", "", "file with the Ed25519 key that signs the export (PKCS #8, PEM); empty for no signatures")
	_ = cmd.MarkFlagRequired("to") // the flag is there
	return cmd
}

func exportedLines(w io.Writer, all []exported) error {
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "tenant %s: %d entries in %d files; exported up to entry %d, head %s\n", e.Tenant, e.Entries, e.Files, e.Last, e.Head)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
