package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func binary(t *testing.T, content string) Spec {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bin")
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return Spec{Repository: "chatcluster/chatd", Binary: file, Entrypoint: "/opt/chatd"}
}

func TestEnsureWritesARunnableImage(t *testing.T) {
	got, err := Ensure(t.TempDir(), binary(t, "program"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{got.Ref, "chatcluster/chatd:dev"} {
		tag, err := name.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		img, err := tarball.ImageFromPath(got.Archive, &tag)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		cf, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"/opt/chatd"}, cf.Config.Entrypoint); diff != "" || cf.Config.User != User {
			t.Errorf("entry point %s, user %q: it must not be root", diff, cf.Config.User)
		}
		layers, err := img.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("%d layers, %v", len(layers), err)
		}
		r, err := layers[0].Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for tr := tar.NewReader(r); ; {
			h, err := tr.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if _, err := io.Copy(&b, tr); err != nil {
				t.Fatal(err)
			}
			files[h.Name] = b.String()
		}
		if diff := cmp.Diff(map[string]string{"opt/": "", "opt/chatd": "program"}, files); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestOldArchivesGo(t *testing.T) {
	dir := t.TempDir()
	var last string
	for i := range kept + 3 {
		img, err := Ensure(dir, binary(t, fmt.Sprint("version ", i)))
		if err != nil {
			t.Fatal(err)
		}
		last = img.Archive
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.tar"))
	if err != nil || len(left) != kept || !slices.Contains(left, last) {
		t.Errorf("%d archives stay, %v; want %d, the newest among them", len(left), err, kept)
	}
}

func TestTagsFollowContent(t *testing.T) {
	dir := t.TempDir()
	first, err := Ensure(dir, binary(t, "one"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Ensure(dir, binary(t, "one"))
	if err != nil || again != first {
		t.Errorf("the same binary is another image (%v, %v): pods would roll for nothing", again, err)
	}
	other, err := Ensure(dir, binary(t, "two"))
	if err != nil || other.Ref == first.Ref {
		t.Errorf("another binary is the same image (%v, %v): pods would not roll", other, err)
	}
	if _, err := Ensure(dir, Spec{Binary: filepath.Join(dir, "none")}); err == nil {
		t.Error("no binary: want an error")
	}
}
