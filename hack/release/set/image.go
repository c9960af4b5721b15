package set

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/chatcluster/chatcluster/hack/world/image"
)

// image writes a program's image for all platforms: one index, as an OCI layout in a tar, which `skopeo`, `crane`, `oras` and `ctr` read.
func (b *builder) image(name string, bins binaries) (Image, error) {
	b.Progress("packing the image " + name)
	index, err := b.index(name, bins)
	if err != nil {
		return Image{}, err
	}
	digest, err := index.Digest()
	if err != nil {
		return Image{}, err
	}
	img := Image{Name: name, Reference: b.reference(name), Digest: digest.String(), Archive: fmt.Sprintf("%s_%s_oci.tar", name, b.Version)}
	tmp, err := os.MkdirTemp("", "chatcluster-image-")
	if err != nil {
		return img, err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	l, err := layout.Write(tmp, empty.Index)
	if err != nil {
		return img, err
	}
	if err := l.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": b.Version, "io.containerd.image.name": img.Reference,
	})); err != nil {
		return img, err
	}
	files, err := folder(tmp)
	if err != nil {
		return img, err
	}
	var packed bytes.Buffer
	if err := writeTar(&packed, files, b.source.Time); err != nil {
		return img, err
	}
	return img, b.write(img.Archive, packed.Bytes())
}

func (b *builder) index(name string, bins binaries) (v1.ImageIndex, error) {
	about := map[string]string{
		"org.opencontainers.image.title":    name,
		"org.opencontainers.image.version":  b.Version,
		"org.opencontainers.image.revision": b.source.Commit,
		"org.opencontainers.image.source":   Repository,
		"org.opencontainers.image.created":  b.source.Time.Format(time.RFC3339),
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range platforms {
		img, err := image.Build(arch, "/"+name, bins[[2]string{name, arch}], tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return nil, err
		}
		if img, err = mutate.CreatedAt(img, v1.Time{Time: b.source.Time}); err != nil {
			return nil, err
		}
		cf, err := img.ConfigFile()
		if err != nil {
			return nil, err
		}
		cf = cf.DeepCopy()
		cf.Config.Labels = about
		if img, err = mutate.ConfigFile(img, cf); err != nil {
			return nil, err
		}
		img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
		img, ok := mutate.Annotations(img, about).(v1.Image)
		if !ok {
			return nil, errors.New("an annotated image is none")
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	annotated, ok := mutate.Annotations(index, about).(v1.ImageIndex)
	if !ok {
		return nil, errors.New("an annotated index is none")
	}
	return annotated, nil
}

// OpenIndex reads an image's index back from its archive. It unpacks it into dir, which has to stay as long as the index is used.
func OpenIndex(archive, dir string) (v1.ImageIndex, error) {
	if err := unpack(archive, dir); err != nil {
		return nil, err
	}
	top, err := layout.ImageIndexFromPath(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	m, err := top.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(m.Manifests) != 1 {
		return nil, fmt.Errorf("%s holds %d images, want one", archive, len(m.Manifests))
	}
	return top.ImageIndex(m.Manifests[0].Digest)
}
