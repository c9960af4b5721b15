package publish

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/chatcluster/chatcluster/hack/release/set"
)

// Signatures are cosign's command lines: each reference by digest is signed, with all that an index names, and gets the provenance as an
// attestation; the checksums, and with them all files, get a bundle beside them. How it signs, by a key or by an identity, is told by
// cosign's own environment (COSIGN_KEY, SIGSTORE_ID_TOKEN and more).
func Signatures(cosign, dir string, references []string) [][]string {
	var lines [][]string
	for _, ref := range references {
		lines = append(lines,
			[]string{cosign, "sign", "--yes", "--recursive", ref},
			[]string{cosign, "attest", "--yes", "--type", "slsaprovenance1", "--predicate", filepath.Join(dir, set.Predicate), ref},
		)
	}
	sums := filepath.Join(dir, set.Sums)
	return append(lines, []string{cosign, "sign-blob", "--yes", "--bundle", sums + ".sigstore.json", sums})
}

// Run runs command lines, one after the other, and stops at the first that fails. Their output goes to out.
func Run(ctx context.Context, lines [][]string, out io.Writer) error {
	for _, line := range lines {
		cmd := exec.CommandContext(ctx, line[0], line[1:]...) //nolint:gosec // Who releases says which cosign.
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(line, " "), err)
		}
	}
	return nil
}
