package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/chatcluster/chatcluster/hack/release/set"
)

// Media types of charts in registries, as Helm defines them.
const (
	chartConfig  types.MediaType = "application/vnd.cncf.helm.config.v1+json"
	chartContent types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// ErrTaken says that a tag exists with other content.
var ErrTaken = errors.New("the registry has this version already, with other content")

// thing is what is pushed: an index or an image.
type thing interface {
	remote.Taggable
	Digest() (v1.Hash, error)
}

// Push puts the set's images and its chart into the registry, below charts/, and returns their references by digest.
func Push(ctx context.Context, registry string, s set.Set) ([]string, error) {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	var pushed []string
	for _, img := range s.Images {
		dir, err := os.MkdirTemp("", "chatcluster-push-")
		if err != nil {
			return pushed, err
		}
		ref, err := pushImage(img, filepath.Join(s.Dir, img.Archive), dir, options)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return pushed, fmt.Errorf("push %s: %w", img.Reference, err)
		}
		pushed = append(pushed, ref)
	}
	ref, err := pushChart(registry, filepath.Join(s.Dir, s.Chart), options)
	if err != nil {
		return pushed, fmt.Errorf("push the chart: %w", err)
	}
	return append(pushed, ref), nil
}

func pushImage(img set.Image, archive, dir string, options []remote.Option) (string, error) {
	index, err := set.OpenIndex(archive, dir)
	if err != nil {
		return "", err
	}
	return push(img.Reference, index, options, func(ref name.Reference) error { return remote.WriteIndex(ref, index, options...) })
}

// pushChart pushes a packed chart as `helm push` does, so that `helm install oci://…` finds it.
func pushChart(registry, file string, options []remote.Option) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	c, err := loader.LoadArchive(bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	config, err := json.Marshal(c.Metadata)
	if err != nil {
		return "", err
	}
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(content, chartContent))
	if err != nil {
		return "", err
	}
	artifact := &chartImage{Image: mutate.MediaType(img, types.OCIManifestSchema1), config: config}
	ref := path.Join(registry, "charts", c.Name()) + ":" + c.Metadata.Version
	return push(ref, artifact, options, func(ref name.Reference) error { return remote.Write(ref, artifact, options...) })
}

// push writes what is not there yet.
func push(reference string, what thing, options []remote.Option, write func(name.Reference) error) (string, error) {
	ref, err := name.ParseReference(reference, name.StrictValidation)
	if err != nil {
		return "", err
	}
	digest, err := what.Digest()
	if err != nil {
		return "", err
	}
	pinned := ref.Context().Digest(digest.String()).String()
	there, err := remote.Head(ref, options...)
	var refused *transport.Error
	switch {
	case err == nil && there.Digest == digest:
		return pinned, nil
	case err == nil:
		return "", fmt.Errorf("%w: %s is %s", ErrTaken, reference, there.Digest)
	case !errors.As(err, &refused) || refused.StatusCode != http.StatusNotFound:
		return "", err
	}
	return pinned, write(ref)
}

// chartImage is an image whose configuration is a chart's metadata.
type chartImage struct {
	v1.Image
	config []byte
}

func (c *chartImage) RawConfigFile() ([]byte, error) { return c.config, nil }

func (c *chartImage) ConfigName() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(c.config))
	return h, err
}

func (c *chartImage) Manifest() (*v1.Manifest, error) {
	m, err := c.Image.Manifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	m.Config.MediaType, m.Config.Size = chartConfig, int64(len(c.config))
	m.Config.Digest, err = c.ConfigName()
	return m, err
}

func (c *chartImage) RawManifest() ([]byte, error) {
	m, err := c.Manifest()
	if err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

func (c *chartImage) Digest() (v1.Hash, error) {
	raw, err := c.RawManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	h, _, err := v1.SHA256(bytes.NewReader(raw))
	return h, err
}

func (c *chartImage) Size() (int64, error) {
	raw, err := c.RawManifest()
	return int64(len(raw)), err
}
