package set

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeSums writes SHA256SUMS over all other files, as `sha256sum -c` reads it.
func writeSums(dir string) error {
	sums, err := digests(dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	return os.WriteFile(filepath.Join(dir, Sums), []byte(b.String()), 0o644) //nolint:gosec // A release is for everybody.
}

// digests are the SHA-256 of the files in a folder, but for SHA256SUMS itself.
func digests(dir string) (map[string]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, f := range files {
		if f.Name() == Sums {
			continue
		}
		if sums[f.Name()], err = digest(filepath.Join(dir, f.Name())); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

func digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Differences names the files that are not the same in two sets, or only in one. It believes SHA256SUMS, which it reads in both.
func Differences(a, b string) ([]string, error) {
	first, err := readSums(a)
	if err != nil {
		return nil, err
	}
	second, err := readSums(b)
	if err != nil {
		return nil, err
	}
	var differ []string
	for name := range first {
		if first[name] != second[name] {
			differ = append(differ, name)
		}
		delete(second, name)
	}
	differ = slices.AppendSeq(differ, maps.Keys(second))
	slices.Sort(differ)
	return differ, nil
}

func readSums(dir string) (map[string]string, error) {
	f, err := os.Open(filepath.Join(dir, Sums))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sums := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: %q is no checksum", f.Name(), lines.Text())
		}
		sums[name] = sum
	}
	return sums, lines.Err()
}
