package set

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
)

// namespace is where the install manifest puts the operator.
const namespace = "chatcluster-system"

// defaultImage is the line of the chart's values that says where the operator's image is.
const defaultImage = "repository: chatcluster/manager\n"

// chart packs the chart with the set's version, and writes what is to be applied where there is no Helm: the CRDs alone, and everything.
func (b *builder) chart(ctx context.Context, images []Image) (string, error) {
	b.Progress("packing the chart and the manifests")
	dir := filepath.Join(b.source.Dir, "charts", "chatcluster")
	c, err := loader.LoadDir(dir)
	if err != nil {
		return "", err
	}
	c.Metadata.Version, c.Metadata.AppVersion = b.Version, b.Version
	if err := useImage(c, "repository: "+path.Join(b.Registry, "manager")+"\n"); err != nil {
		return "", err
	}
	c.StampModTimes(b.source.Time)
	file, err := chartutil.Save(c, b.out)
	if err != nil {
		return "", err
	}
	crds, err := b.crds()
	if err != nil {
		return "", err
	}
	if err := b.write("crds.yaml", crds); err != nil {
		return "", err
	}
	install, err := b.install(ctx, file, images)
	if err != nil {
		return "", err
	}
	return filepath.Base(file), b.write("install.yaml", install)
}

// useImage has the chart's values name another image by default.
func useImage(c *chartv2.Chart, line string) error {
	for _, f := range c.Raw {
		if f.Name != chartutil.ValuesfileName {
			continue
		}
		if n := bytes.Count(f.Data, []byte(defaultImage)); n != 1 {
			return fmt.Errorf("values.yaml names the operator's image %d times as %q, want once", n, strings.TrimSpace(defaultImage))
		}
		f.Data = bytes.Replace(f.Data, []byte(defaultImage), []byte(line), 1)
		return nil
	}
	return errors.New("the chart has no values.yaml")
}

func (b *builder) crds() ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(b.source.Dir, "config", "crd", "bases", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("config/crd/bases has no CRDs")
	}
	var out bytes.Buffer
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		document(&out, string(data))
	}
	return out.Bytes(), nil
}

// install renders the packed chart, with its namespace, and with the operator's image by its digest.
func (b *builder) install(ctx context.Context, file string, images []Image) ([]byte, error) {
	c, err := loader.Load(file)
	if err != nil {
		return nil, err
	}
	tag := b.Version
	for _, img := range images {
		if img.Name == "manager" {
			tag += "@" + img.Digest
		}
	}
	values, err := util.ToRenderValues(c, map[string]any{"image": map[string]any{"tag": tag}},
		common.ReleaseOptions{Name: "chatcluster", Namespace: namespace, Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Engine{Strict: true}.RenderWithContext(ctx, c, values)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	document(&out, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: "+namespace+"\n")
	// CRDs come first: what uses them is refused before they are there.
	for _, crds := range []bool{true, false} {
		for _, name := range slices.Sorted(maps.Keys(rendered)) {
			if path.Ext(name) == ".yaml" && strings.Contains(rendered[name], "\nkind: CustomResourceDefinition\n") == crds {
				document(&out, rendered[name])
			}
		}
	}
	return out.Bytes(), nil
}

// document appends a YAML document, if there is anything in it.
func document(out *bytes.Buffer, text string) {
	if text = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "---")); text != "" {
		fmt.Fprintf(out, "---\n%s\n", text)
	}
}
