package lists

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

const (
	// MaxFile is how large a file may be: as large as a ConfigMap.
	MaxFile = 1 << 20
	// MaxFiles bounds a folder.
	MaxFiles = 1000
	// settled is how old a change must be before its time tells it from the next.
	settled = 2 * time.Second
)

// read is a file as it was last valid, and what is wrong with it now.
type read[F any] struct {
	file  F
	valid bool
	err   error
}

// look returns the names of a folder's lists, in order, and what tells this state of them from another.
func look(dir string) (names []string, state string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, "", err
	}
	var b strings.Builder
	if link, err := os.Readlink(filepath.Join(dir, "..data")); err == nil {
		fmt.Fprintf(&b, "%q ", link)
	}
	for _, e := range entries {
		name := e.Name()
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" || strings.HasPrefix(name, ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case err != nil:
			fmt.Fprintf(&b, "%q? ", name)
		case info.IsDir():
			continue
		case time.Since(info.ModTime()) < settled:
			// Another change may have the same time and size.
			fmt.Fprintf(&b, "%q at %d ", name, time.Now().UnixNano())
		default:
			fmt.Fprintf(&b, "%q %d %d ", name, info.Size(), info.ModTime().UnixNano())
		}
		names = append(names, name)
	}
	if len(names) > MaxFiles {
		return nil, "", fmt.Errorf("more than %d lists", MaxFiles)
	}
	return names, b.String(), nil
}

// readFile reads a file; where it is not valid, what it was stays.
func readFile[T any, F File[T]](dir, name string, last read[F]) read[F] {
	f, err := parseFile[T, F](filepath.Join(dir, name))
	if err != nil {
		last.err = err
		return last
	}
	return read[F]{file: f, valid: true}
}

func parseFile[T any, F File[T]](path string) (f F, err error) {
	file, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	switch {
	case err != nil:
		return f, err
	case len(data) > MaxFile:
		return f, fmt.Errorf("larger than %d bytes", MaxFile)
	}
	return Parse[T, F](data)
}

// Parse parses a list and checks it. Nothing is an empty list.
func Parse[T any, F File[T]](data []byte) (F, error) {
	f := F(new(T))
	if err := yaml.UnmarshalStrict(data, f); err != nil {
		// The parser's error may quote the file.
		return nil, errors.New("not YAML, or a key that is not known or has another type: " + keyOf(err))
	}
	return f, f.Check()
}

// keyOf returns what a parser's error says of where: an unknown field, or a line.
func keyOf(err error) string {
	for _, before := range []string{"unknown field ", "already set in map", "line "} {
		if _, after, ok := strings.Cut(err.Error(), before); ok {
			word, _, _ := strings.Cut(strings.TrimSpace(after), ":")
			if before == "line " {
				return "line " + word
			}
			if before == "unknown field " {
				return "unknown field " + word
			}
			return "a key that is there twice"
		}
	}
	return "see its types"
}
