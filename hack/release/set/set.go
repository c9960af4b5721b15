package set

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/chatcluster/chatcluster/hack/release/notes"
	"github.com/chatcluster/chatcluster/hack/release/source"
)

// Repository is where the source is.
const Repository = "https://github.com/chatcluster/chatcluster"

// names of files in a set.
const (
	Sums       = "SHA256SUMS"
	Notes      = "RELEASE_NOTES.md"
	Provenance = "provenance.intoto.json"
	// Predicate is what the provenance says, without of what it is said.
	Predicate = "provenance.predicate.json"
)

// ReleasedImages are the programs that are also images.
var ReleasedImages = []string{"chatd", "manager"}

// programs is all that is built.
var programs = []string{"chatd", "kubectl-chatcluster", "manager"}

// platforms is for what, always linux.
var platforms = []string{"amd64", "arm64"}

// Options of a set. Version and Builder are required.
type Options struct {
	Version string
	// Unreleased lets a version have the changelog's section Unreleased where it has none of its own.
	Unreleased bool
	// Registry is where the images are going to be, such as ghcr.io/chatcluster; "chatcluster", a name without a host, when empty.
	Registry string
	// Builder says who builds, a URI: the provenance names it.
	Builder string
	// Cache is Go's build cache; its own when empty.
	Cache string
	// Progress is told of each step. May be nil.
	Progress func(step string)
}

// Image is an image for all platforms.
type Image struct {
	Name string // chatd
	// Reference is where it is going to be, with its tag: ghcr.io/chatcluster/chatd:1.2.3.
	Reference string
	Digest    string // of its index, sha256:…
	Archive   string // an OCI layout as a tar, in the set's folder
}

// Set is what was built.
type Set struct {
	Dir    string
	Images []Image
	// Chart is the chart's file, in the folder.
	Chart string
}

// builder makes one set.
type builder struct {
	Options
	source source.Source
	out    string
}

// Build builds the set of a source into a new folder.
func Build(ctx context.Context, s source.Source, out string, o Options) (Set, error) {
	if err := notes.CheckVersion(o.Version); err != nil {
		return Set{}, err
	}
	o.Registry = cmp.Or(o.Registry, "chatcluster")
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return Set{}, err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return Set{}, err
	}
	b := &builder{Options: o, source: s, out: out}
	made := Set{Dir: out}
	// What goes wrong soon comes before what takes long.
	if err := b.notes(); err != nil {
		return Set{}, err
	}
	bins, err := b.programs(ctx)
	if err != nil {
		return Set{}, err
	}
	for _, name := range ReleasedImages {
		img, err := b.image(name, bins)
		if err != nil {
			return Set{}, fmt.Errorf("image %s: %w", name, err)
		}
		made.Images = append(made.Images, img)
	}
	if made.Chart, err = b.chart(ctx, made.Images); err != nil {
		return Set{}, fmt.Errorf("chart: %w", err)
	}
	o.Progress("writing the provenance and the checksums")
	if err := b.provenance(made.Images); err != nil {
		return Set{}, fmt.Errorf("provenance: %w", err)
	}
	return made, writeSums(out)
}

// reference is where an image is going to be.
func (b *builder) reference(name string) string { return path.Join(b.Registry, name) + ":" + b.Version }

func (b *builder) write(name string, data []byte) error {
	return os.WriteFile(filepath.Join(b.out, name), data, 0o644) //nolint:gosec // A release is for everybody.
}

func (b *builder) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(b.source.Dir, name))
}

// notes writes the changelog's section and says where to read on.
func (b *builder) notes() error {
	changelog, err := b.read("CHANGELOG.md")
	if err != nil {
		return err
	}
	text, err := notes.For(string(changelog), b.Version, b.Unreleased)
	if err != nil {
		return err
	}
	return b.write(Notes, fmt.Appendf(nil, "# ChatCluster %s\n\n%s\nBefore an upgrade, read [what it asks for](%s/blob/v%s/docs/upgrading.md).\n",
		b.Version, text, Repository, b.Version))
}
