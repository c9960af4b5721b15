package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
)

func TestAMigrationsResultIsWholeJSONThatFits(t *testing.T) {
	cases := map[string]struct {
		reason string
		err    string
	}{
		"None":         {"success has no error", ""},
		"Short":        {"the database's words arrive as they are", `relation "messages" already exists (SQLSTATE 42P07)`},
		"TooLong":      {"a cut document would be unreadable", strings.Repeat("x", 3*maxResultBytes)},
		"GrowsEscaped": {"escapes count, too", strings.Repeat("\"\n\x01", maxResultBytes)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "result")
			result := migrationResult{Current: 1, Target: 2, Error: tc.err}
			if err := writeResult(path, &result.Error, &result); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > maxResultBytes {
				t.Errorf("%s: %d bytes, want at most %d", tc.reason, len(data), maxResultBytes)
			}
			var got migrationResult
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if got.Current != 1 || got.Target != 2 || !strings.HasPrefix(tc.err, got.Error) || (got.Error == "") != (tc.err == "") {
				t.Errorf("%s: result = %+v", tc.reason, got)
			}
		})
	}
}

func TestAMigrationThatCannotStartStillSaysWhy(t *testing.T) {
	result, err := migrate(t.Context(), filepath.Join(t.TempDir(), "absent.yaml"), slog.New(slog.DiscardHandler), func(context.Context, config.Postgres, *slog.Logger) (readmodel.Result, error) {
		return readmodel.Result{}, errors.New("must not run")
	})
	if err == nil || !strings.Contains(result.Error, "read configuration") {
		t.Errorf("result = %+v, error = %v; want the missing file named", result, err)
	}
	if result.Target != readmodel.Target() {
		t.Errorf("target = %d, want this binary's %d", result.Target, readmodel.Target())
	}
}
