package set

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/hack/release/source"
)

var at = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func newBuilder(t *testing.T) *builder {
	t.Helper()
	return &builder{
		Options: Options{Version: "1.2.3", Registry: "registry.example/chat", Builder: "https://ci.example/workflow", Progress: func(string) {}},
		source:  source.Source{Dir: filepath.Join("..", "..", ".."), Commit: strings.Repeat("a", 40), Time: at}, out: t.TempDir(),
	}
}

func TestArchivesTellNoMoreThanTheirContent(t *testing.T) {
	files := []entry{{"LICENSE", 0o644, []byte("license")}, {"chatd", 0o755, []byte("program")}}
	first, err := tarGzip(files, at)
	if err != nil {
		t.Fatal(err)
	}
	again, err := tarGzip(files, at.Add(3*time.Millisecond))
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same files make another archive (%v)", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if z.Name != "" || !z.ModTime.IsZero() {
		t.Errorf("the archive tells its name %q or time %v", z.Name, z.ModTime)
	}
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(at) || h.Uid != 0 || h.Uname != "" || h.Format == tar.FormatPAX {
			t.Errorf("%s tells who packed it, or when: %+v", h.Name, h)
		}
	}
}

func TestImagesAreForBothPlatformsAndTheSameEachTime(t *testing.T) {
	bins := binaries{{"chatd", "amd64"}: []byte("one"), {"chatd", "arm64"}: []byte("two")}
	var digests, archives []string
	for range 2 {
		b := newBuilder(t)
		img, err := b.image("chatd", bins)
		if err != nil {
			t.Fatal(err)
		}
		if img.Reference != "registry.example/chat/chatd:1.2.3" {
			t.Errorf("the image is %s", img.Reference)
		}
		sum, err := digest(filepath.Join(b.out, img.Archive))
		if err != nil {
			t.Fatal(err)
		}
		digests, archives = append(digests, img.Digest), append(archives, sum)
		index, err := OpenIndex(filepath.Join(b.out, img.Archive), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := index.Digest(); err != nil || got.String() != img.Digest {
			t.Errorf("the archive holds %s, %v; want %s", got, err, img.Digest)
		}
		m, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for i, arch := range platforms {
			one, err := index.Image(m.Manifests[i].Digest)
			if err != nil {
				t.Fatal(err)
			}
			cf, err := one.ConfigFile()
			if err != nil || cf.Architecture != arch || !cf.Created.Time.Equal(at) || cf.Config.User == "" {
				t.Errorf("the image for %s is %+v, %v", arch, cf, err)
			}
			if mt, err := one.MediaType(); err != nil || mt != "application/vnd.oci.image.manifest.v1+json" {
				t.Errorf("%s is no OCI manifest: %s, %v", arch, mt, err)
			}
		}
	}
	if digests[0] != digests[1] || archives[0] != archives[1] {
		t.Errorf("the same programs make different images: %v, archives %v", digests, archives)
	}
}

func TestTheChartNamesItsVersionAndItsImage(t *testing.T) {
	images := []Image{{Name: "manager", Digest: "sha256:" + strings.Repeat("b", 64)}}
	var sums []map[string]string
	for range 2 {
		b := newBuilder(t)
		file, err := b.chart(t.Context(), images)
		if err != nil {
			t.Fatal(err)
		}
		if file != "chatcluster-1.2.3.tgz" {
			t.Errorf("the chart is %s", file)
		}
		install, err := os.ReadFile(filepath.Join(b.out, "install.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`image: "registry.example/chat/manager:1.2.3@sha256:bbbb`, "kind: Namespace\nmetadata:\n  name: chatcluster-system", "kind: CustomResourceDefinition", "kind: Deployment"} {
			if !strings.Contains(string(install), want) {
				t.Errorf("install.yaml lacks %q", want)
			}
		}
		if strings.Index(string(install), "kind: CustomResourceDefinition") > strings.Index(string(install), "kind: Deployment") {
			t.Error("what needs the CRDs comes before them")
		}
		made, err := digests(b.out)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, made)
	}
	if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
		t.Errorf("the same chart makes other files:\n%s", diff)
	}
}

// What builds and tests the web client is not in it, and what is in it is not only what it names itself.
func TestTheSBOMListsWhatIsInTheWebClient(t *testing.T) {
	parts, err := bundled([]byte(`{"packages": {
		"": {"name": "web"}, "app": {"name": "@chatcluster/app"}, "node_modules/@chatcluster/app": {"resolved": "app", "link": true},
		"node_modules/@preact/signals": {"version": "2.0.0", "integrity": "sha512-x", "license": "MIT"},
		"node_modules/vite": {"version": "8.0.0", "dev": true}, "node_modules/fsevents": {"version": "2.0.0", "optional": true},
		"node_modules/preact": {"version": "11.0.0"}, "node_modules/a/node_modules/preact": {"version": "10.0.0"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range parts {
		got = append(got, p.PackageURL)
	}
	if diff := cmp.Diff([]string{"pkg:npm/%40preact/signals@2.0.0", "pkg:npm/preact@10.0.0", "pkg:npm/preact@11.0.0"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if (*parts[0].Licenses)[0].Expression != "MIT" || (*parts[0].Properties)[0].Value != "sha512-x" {
		t.Errorf("it says less than the lock file: %+v", parts[0])
	}
}

func TestTheSBOMListsWhatIsInTheProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first, err := newBuilder(t).sbom("chatd", "amd64", self, []byte("program"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := newBuilder(t).sbom("chatd", "amd64", self, []byte("program"))
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same program has another SBOM (%v)", err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(first), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.Metadata.Component.Version != "1.2.3" || (*bom.Metadata.Component.Hashes)[0].Value == "" {
		t.Errorf("the SBOM does not say of what it is: %+v", bom.Metadata.Component)
	}
	var found []string
	for _, c := range modules(&debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0+incompatible", Sum: "h1:x"},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.1.0"}},
	}}) {
		found = append(found, c.PackageURL)
	}
	want := []string{"pkg:golang/stdlib@1.26.8", "pkg:golang/example.com/a@v1.0.0%2Bincompatible?type=module", "pkg:golang/example.com/fork@v1.1.0?type=module"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("what is in the program, -want +got:\n%s", diff)
	}
}

func TestTheProvenanceNamesAllOfTheSet(t *testing.T) {
	b := newBuilder(t)
	if err := b.write("file", []byte("content")); err != nil {
		t.Fatal(err)
	}
	if err := b.provenance([]Image{{Reference: "registry.example/chat/chatd:1.2.3", Digest: "sha256:" + strings.Repeat("c", 64)}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(b.out, Provenance))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type          string `json:"_type"`
		PredicateType string
		Subject       []struct {
			Name   string
			Digest map[string]string
		}
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct{ Digest map[string]string }
			}
			RunDetails struct{ Builder struct{ ID string } }
		}
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "https://in-toto.io/Statement/v1" || got.PredicateType != "https://slsa.dev/provenance/v1" || len(got.Subject) != 2 {
		t.Errorf("the statement is %s", data)
	}
	if got.Predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"] != strings.Repeat("a", 40) || got.Predicate.RunDetails.Builder.ID != "https://ci.example/workflow" {
		t.Errorf("it does not say of what and by whom: %s", data)
	}
}

func TestDifferences(t *testing.T) {
	cases := map[string]struct {
		reason string
		a, b   map[string]string
		want   []string
	}{
		"Same":    {"two builds are one release", map[string]string{"x": "1"}, map[string]string{"x": "1"}, nil},
		"Other":   {"a byte is enough", map[string]string{"x": "1", "y": "1"}, map[string]string{"x": "1", "y": "2"}, []string{"y"}},
		"Missing": {"a file that is in one of them", map[string]string{"x": "1"}, map[string]string{"x": "1", "z": "1"}, []string{"z"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var dirs []string
			for _, files := range []map[string]string{tc.a, tc.b} {
				dir := t.TempDir()
				for name, text := range files {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := writeSums(dir); err != nil {
					t.Fatal(err)
				}
				dirs = append(dirs, dir)
			}
			got, err := Differences(dirs[0], dirs[1])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
