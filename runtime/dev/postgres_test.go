package dev

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindPostgres(t *testing.T) {
	cases := map[string]struct {
		reason  string
		servers []string
		data    string
		want    string
		err     error
	}{
		"Newest":      {"a fresh folder takes the newest", []string{"9", "15", "17"}, "", "17", nil},
		"MakersOwn":   {"data is read by the version that wrote it", []string{"15", "17"}, "15", "15", nil},
		"MakerIsGone": {"the newest then says what is wrong with the data", []string{"17"}, "15", "17", nil},
		"NoServer":    {"clients alone are no server", nil, "", "", ErrNoPostgres},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", t.TempDir())
			root, data := t.TempDir(), t.TempDir()
			for _, v := range tc.servers {
				bin := filepath.Join(root, v, "bin")
				if err := os.MkdirAll(bin, 0o755); err != nil {
					t.Fatal(err)
				}
				for _, program := range []string{"initdb", "postgres"} {
					if err := os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\n"), 0o755); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := os.MkdirAll(filepath.Join(root, "16", "bin"), 0o755); err != nil { // a package of clients
				t.Fatal(err)
			}
			if tc.data != "" {
				if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(tc.data+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := findPostgres(root, data)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s: error = %v, want %v", tc.reason, err, tc.err)
			}
			if want := filepath.Join(root, tc.want, "bin"); err == nil && got != want {
				t.Errorf("%s: found %s, want %s", tc.reason, got, want)
			}
		})
	}
}
