package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// verified is what verify says of a tenant. Its names are part of the output for programs.
type verified struct {
	Tenant  string        `json:"tenant"`
	Intact  bool          `json:"intact"`
	Entries int64         `json:"entries"`
	Exports int           `json:"exportsCompared"`
	Head    string        `json:"head"`
	Faults  []audit.Fault `json:"faults"`
}

func auditVerifyCommand() *cobra.Command {
	var (
		tool    auditTool
		against string
		keys    []string
		f       output.Format
	)
	cmd := &cobra.Command{
		Use: "verify", Short: "Find entries of the audit log that were removed, changed or moved", Args: cobra.NoArgs,
		Long: "verify looks at every entry of the audit log. Each is to follow the one before it, and to say what it said when it was written. With --against, " +
			"the log is to hold what was exported, too: that alone shows an end that was cut off well. What is wrong is printed, with its place; then the exit code is 1.",
		Example: `  chatd audit verify
  chatd audit verify --tenant acme --against s3://vault/chat --public-key audit.pub
  chatd audit verify -o json | jq -r '.[] | select(.intact | not) | .tenant'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			closeLog, err := tool.open(ctx)
			if err != nil {
				return err
			}
			defer closeLog()
			var from audit.Destination
			if against == "" && len(keys) > 0 {
				return errors.New("--public-key is for what was exported: say where with --against")
			}
			if against != "" {
				if from, err = auditDestination(tool.aws, tool.endpoint, config.Audit{ExportTo: against}); err != nil {
					return err
				}
			}
			trusted, err := publicKeys(keys)
			if err != nil {
				return err
			}
			tenants, err := tool.known(ctx, from)
			if err != nil {
				return err
			}
			progress := output.NewProgress(cmd.ErrOrStderr())
			defer progress.End()
			var failed error // what was found before stays said
			faults, all := 0, []verified{}
			for i, tenant := range tenants {
				progress.Say("verifying tenant %s, %d of %d", tenant, i+1, len(tenants))
				v, err := verifyTenant(ctx, tool.log, from, tenant, trusted)
				if err != nil {
					failed = fmt.Errorf("tenant %s: %w", tenant, err)
					break
				}
				faults += len(v.Faults)
				all = append(all, verified{tenant, len(v.Faults) == 0, v.Head.N, v.Checkpoints, v.Head.Hash.String(), append([]audit.Fault{}, v.Faults...)})
			}
			progress.End()
			if err := errors.Join(failed, f.Print(cmd.OutOrStdout(), all, func(w io.Writer) error { return verifiedLines(w, all) })); err != nil {
				return err
			}
			if faults > 0 {
				return fmt.Errorf("the audit log is not intact: %d faults", faults)
			}
			return nil
		},
	}
	tool.flags(cmd)
	f.Bind(cmd)
	cmd.Flags().StringVar(&against, "against", "", "where the log was exported to: s3://bucket/prefix or a folder")
	cmd.Flags().StringArrayVar(&keys, "public-key", nil, "file with public keys (PEM) that exports are to be signed with, instead of believing all that is there; repeat it after a rotation")
	return cmd
}

// publicKeys reads the keys of files.
func publicKeys(files []string) (keys []ed25519.PublicKey, err error) {
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read a public key: %w", err)
		}
		some, err := audit.ParsePublicKeys(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

func verifiedLines(w io.Writer, all []verified) error {
	var b strings.Builder
	for _, v := range all {
		for _, f := range v.Faults {
			fmt.Fprintln(&b, f)
		}
		if v.Intact {
			fmt.Fprintf(&b, "tenant %s: %d entries, compared with %d exports: intact; head %s\n", v.Tenant, v.Entries, v.Exports, v.Head)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func verifyTenant(ctx context.Context, log *audit.Log, from audit.Destination, tenant string, trusted []ed25519.PublicKey) (audit.Verified, error) {
	var checkpoints []audit.Checkpoint
	var faults []audit.Fault
	switch {
	case from != nil && len(trusted) > 0:
		var err error
		if checkpoints, faults, err = audit.Signed(ctx, from, tenant, trusted); err != nil {
			return audit.Verified{}, err
		}
	case from != nil:
		var err error
		if checkpoints, err = audit.Checkpoints(ctx, from, tenant); err != nil {
			return audit.Verified{}, err
		}
	}
	v, err := audit.Verify(ctx, log, tenant, checkpoints)
	v.Faults = append(v.Faults, faults...)
	return v, err
}
