package components

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

// fetch copies the POMs to out and has Maven put each module's runtime class path, native library included, in its
// lib folder.
func fetch(ctx context.Context, src, out string, log io.Writer, st *report.Status) error {
	if err := os.CopyFS(out, os.DirFS(src)); err != nil {
		return err
	}
	st.Set("Maven Central")
	cmd := exec.CommandContext(ctx, "mvn", "-B", "-ntp", "-f", filepath.Join(out, "pom.xml"),
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mvn dependency:copy-dependencies: %w", err)
	}
	for _, want := range []string{"kafka/lib/kafka_2.13-*.jar", "dynamodb/lib/DynamoDBLocal-*.jar", "dynamodb/lib/libsqlite4java-linux-amd64-*.so"} {
		if m, err := filepath.Glob(filepath.Join(out, want)); err != nil || len(m) == 0 {
			return fmt.Errorf("maven brought no %s", want)
		}
	}
	return nil
}
