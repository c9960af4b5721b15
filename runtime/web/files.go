package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
)

// types are those of what a build holds. The machine's own table is not asked: images have none.
var types = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".mjs":         "text/javascript; charset=utf-8",
	".mp3":         "audio/mpeg",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

// compressed are the types that have been packed already.
var compressed = map[string]bool{"image/jpeg": true, "image/png": true, "image/webp": true, "font/woff2": true, "audio/mpeg": true}

// variant is one form of a file's content.
type variant struct {
	coding string // of Content-Encoding; empty: as it is
	data   []byte
	etag   string
}

// file is a file in all its forms, the ones that are preferred first and the one as it is last.
type file struct {
	kind  string
	cache string
	forms []variant
}

const (
	forever    = "public, max-age=31536000, immutable"
	askAgain   = "no-cache"
	assets     = "assets/"
	index      = "index.html"
	configFile = "config.json"
)

// load reads a build: files by their path below /app/. One that has no index holds no client, and gives none.
func load(build fs.FS) (map[string]file, error) {
	if _, err := fs.Stat(build, index); err != nil {
		return nil, nil //nolint:nilerr // It is what a clone holds before the client has been built.
	}
	files := map[string]file{}
	err := fs.WalkDir(build, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(path.Base(name), ".") || packed(build, name) {
			return err
		}
		f, err := read(build, name)
		if err != nil {
			return err
		}
		files[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the web client: %w", err)
	}
	return files, nil
}

// codings are those of a build's own packed files, by their names' ends, and in order of preference.
var codings = []struct{ suffix, coding string }{{".br", "br"}, {".gz", "gzip"}}

// packed says whether a file is another one in packed form.
func packed(build fs.FS, name string) bool {
	for _, c := range codings {
		if of, ok := strings.CutSuffix(name, c.suffix); ok {
			_, err := fs.Stat(build, of)
			return err == nil
		}
	}
	return false
}

func read(build fs.FS, name string) (file, error) {
	data, err := fs.ReadFile(build, name)
	if err != nil {
		return file{}, err
	}
	f := newFile(name, data)
	var forms []variant
	for _, c := range codings {
		small, err := fs.ReadFile(build, name+c.suffix)
		switch {
		case err == nil && len(small) < len(data):
			forms = append(forms, variant{c.coding, small, httpapi.ETag(small)})
		case c.coding == "gzip":
			forms = append(forms, pack(f.kind, data)...)
		}
	}
	f.forms = append(forms, f.forms...)
	return f, nil
}

// newFile is a file as it is.
func newFile(name string, data []byte) file {
	f := file{kind: types[path.Ext(name)], cache: askAgain, forms: []variant{{"", data, httpapi.ETag(data)}}}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if strings.HasPrefix(name, assets) {
		f.cache = forever
	}
	return f
}

// pack packs what is worth it.
func pack(kind string, data []byte) []variant {
	if compressed[kind] {
		return nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one
	}
	_, _ = w.Write(data) // a buffer takes everything
	_ = w.Close()
	if b.Len() >= len(data)*9/10 {
		return nil
	}
	return []variant{{"gzip", b.Bytes(), httpapi.ETag(b.Bytes())}}
}
