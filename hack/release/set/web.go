package set

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/chatcluster/chatcluster/hack/world/components"
	"github.com/chatcluster/chatcluster/hack/world/report"
)

// webLock says which npm packages the web client is made of.
const webLock = "runtime/web/package-lock.json"

// client builds the web client into the source, from where chatd embeds it: one for all platforms. No earlier build's is taken.
func (b *builder) client(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(b.source.Dir, webLock)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: chatd would be released without its web client", webLock)
	}
	b.Progress("building the web client")
	cache, err := os.MkdirTemp("", "chatcluster-web-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(cache) }()
	if err := components.EnsureWebClient(ctx, b.source.Dir, cache, report.New(io.Discard)); err != nil {
		log, _ := os.ReadFile(filepath.Join(cache, "log", "webclient.log"))
		return fmt.Errorf("the web client: %w\n%s", err, strings.TrimSpace(string(log)))
	}
	return nil
}

// bundled are the npm packages that the web client is made of, in the order of their names. Those that only build and test it are not in it.
func bundled(lock []byte) ([]cdx.Component, error) {
	var file struct {
		Packages map[string]struct {
			Version   string `json:"version"`
			Integrity string `json:"integrity"`
			License   string `json:"license"`
			Dev       bool   `json:"dev"`
			Optional  bool   `json:"optional"`
			Link      bool   `json:"link"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", webLock, err)
	}
	var parts []cdx.Component
	for _, path := range slices.Sorted(maps.Keys(file.Packages)) {
		p := file.Packages[path]
		at := strings.LastIndex(path, "node_modules/")
		if at < 0 || p.Dev || p.Optional || p.Link {
			continue
		}
		name := path[at+len("node_modules/"):]
		purl := "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version
		part := cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: name, Version: p.Version, PackageURL: purl}
		if p.Integrity != "" {
			part.Properties = &[]cdx.Property{{Name: "npm:integrity", Value: p.Integrity}}
		}
		if p.License != "" {
			part.Licenses = &cdx.Licenses{{Expression: p.License}}
		}
		parts = append(parts, part)
	}
	return parts, nil
}
