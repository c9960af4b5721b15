package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// User is who runs in the images: nobody that exists anywhere, as Pod Security `restricted` asks.
const User = "65532:65532"

// Spec is an image of one binary.
type Spec struct {
	Repository string // chatcluster/chatd
	Binary     string // a static binary on this machine
	Entrypoint string // its path in the image
}

// Ensure writes the image's archive into dir unless it is there, and returns its reference. The archive also carries
// the tag `dev`, for people.
func Ensure(dir string, s Spec) (world.Image, error) {
	bin, err := os.ReadFile(s.Binary)
	if err != nil {
		return world.Image{}, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s\n", s.Repository, s.Entrypoint, User)
	h.Write(bin)
	tag := "dev-" + hex.EncodeToString(h.Sum(nil))[:12]
	img := world.Image{
		Ref:     s.Repository + ":" + tag,
		Archive: filepath.Join(dir, strings.ReplaceAll(s.Repository, "/", "_")+"-"+tag+".tar"),
	}
	if _, err := os.Stat(img.Archive); err == nil {
		return img, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return world.Image{}, err
	}
	built, err := Build("amd64", s.Entrypoint, bin)
	if err != nil {
		return world.Image{}, fmt.Errorf("image %s: %w", img.Ref, err)
	}
	if err := write(img, built); err != nil {
		return world.Image{}, err
	}
	return img, prune(dir, s.Repository)
}

// kept is how many archives of a repository stay: each change of the product makes one more.
const kept = 5

func prune(dir, repository string) error {
	archives, err := filepath.Glob(filepath.Join(dir, strings.ReplaceAll(repository, "/", "_")+"-dev-*.tar"))
	if err != nil {
		return err
	}
	written := map[string]time.Time{}
	for _, a := range archives {
		info, err := os.Stat(a)
		if errors.Is(err, os.ErrNotExist) {
			continue // another process pruned it
		}
		if err != nil {
			return err
		}
		written[a] = info.ModTime()
	}
	newestFirst := slices.SortedFunc(maps.Keys(written), func(a, b string) int { return written[b].Compare(written[a]) })
	for _, a := range newestFirst[min(kept, len(newestFirst)):] {
		if err := os.Remove(a); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func write(img world.Image, built v1.Image) error {
	refs := map[name.Reference]v1.Image{}
	repository, _, _ := strings.Cut(img.Ref, ":")
	for _, r := range []string{img.Ref, repository + ":dev"} {
		ref, err := name.NewTag(r)
		if err != nil {
			return err
		}
		refs[ref] = built
	}
	tmp, err := os.CreateTemp(filepath.Dir(img.Archive), ".image-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := tarball.MultiRefWrite(refs, tmp); err != nil {
		_ = tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), img.Archive)
}

// Build makes the image of one static binary for linux on arch. The same arguments give the same image. The layer is packed once, however
// often it is read; options say how.
func Build(arch, entrypoint string, bin []byte, options ...tarball.LayerOption) (v1.Image, error) {
	content, err := layerOf(entrypoint, bin)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		append(options, tarball.WithCompressedCaching)...)
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", arch
	cf.Config = v1.Config{Entrypoint: []string{entrypoint}, User: User, WorkingDir: "/", Env: []string{"PATH=/"}}
	return mutate.ConfigFile(img, cf)
}

// layerOf is a tar of the binary and the folders above it. It holds no times: the same binary gives the same image.
func layerOf(entrypoint string, bin []byte) ([]byte, error) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	at := ""
	for p := range strings.SplitSeq(strings.Trim(path.Dir(entrypoint), "/"), "/") {
		if p == "" {
			continue
		}
		at += p + "/"
		if err := tw.WriteHeader(&tar.Header{Name: at, Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	if err := tw.WriteHeader(&tar.Header{Name: strings.TrimPrefix(entrypoint, "/"), Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(bin))}); err != nil {
		return nil, err
	}
	if _, err := tw.Write(bin); err != nil {
		return nil, err
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
