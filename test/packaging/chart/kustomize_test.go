package chart

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func build(t *testing.T, dir string) []map[string]any {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, dir, string(text))
}

func TestEveryKustomizationBuilds(t *testing.T) {
	built := 0
	err := filepath.WalkDir(filepath.Join(root, "config"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "kustomization.yaml" {
			return err
		}
		built++
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			if len(build(t, filepath.Dir(path))) == 0 {
				t.Error("nothing comes of it")
			}
		})
		return nil
	})
	if err != nil || built < 5 {
		t.Errorf("%d kustomizations, %v", built, err)
	}
}

// Who installs with kustomize gets the operator that the chart installs: the same CRDs, rights and probes.
func TestKustomizeInstallsWhatTheChartDoes(t *testing.T) {
	rendered, err := Render(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	byKind := func(list []map[string]any) map[string]map[string]any {
		found := map[string]map[string]any{}
		for _, o := range list {
			if o["kind"] == "Deployment" || o["kind"] == "CustomResourceDefinition" {
				found[o["kind"].(string)+" "+plural(o)] = o
			}
		}
		return found
	}
	var charted []map[string]any
	for name, text := range rendered {
		if filepath.Ext(name) == ".yaml" {
			charted = append(charted, objects(t, name, text)...)
		}
	}
	want, got := byKind(charted), byKind(build(t, filepath.Join(root, "config", "default")))
	if diff := cmp.Diff(keys(want), keys(got)); diff != "" {
		t.Fatalf("CRDs and Deployments (-chart +kustomize):\n%s", diff)
	}
	container := func(o map[string]any) map[string]any {
		spec := o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
		c := spec["containers"].([]any)[0].(map[string]any)
		// Both leave these to who installs.
		delete(c, "image")
		delete(c, "imagePullPolicy")
		delete(c, "args")
		return c
	}
	if diff := cmp.Diff(container(want["Deployment "]), container(got["Deployment "])); diff != "" {
		t.Errorf("the manager's container (-chart +kustomize):\n%s", diff)
	}
}

// plural is a CRD's resource, empty for what is none.
func plural(o map[string]any) string {
	if names, ok := o["spec"].(map[string]any)["names"].(map[string]any); ok {
		return names["plural"].(string)
	}
	return ""
}
