package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

var argocd = filepath.Join("..", "..", "config", "argocd")

// kinds have a health script each.
var kinds = []string{"ChatCluster", "ChatTenant"}

// healthTest is Argo CD's own form of such tests.
type healthTest struct {
	Tests []struct {
		InputPath    string `json:"inputPath"`
		HealthStatus Health `json:"healthStatus"`
	} `json:"tests"`
}

func TestHealth(t *testing.T) {
	for _, kind := range kinds {
		dir := filepath.Join(argocd, "chatcluster.io", kind)
		script := read(t, filepath.Join(dir, "health.lua"))
		var list healthTest
		if err := yaml.UnmarshalStrict(read(t, filepath.Join(dir, "health_test.yaml")), &list); err != nil {
			t.Fatal(err)
		}
		tested := map[string]bool{}
		for _, tc := range list.Tests {
			tested[tc.InputPath] = true
			t.Run(kind+"/"+filepath.Base(tc.InputPath), func(t *testing.T) {
				object := object(t, filepath.Join(dir, tc.InputPath))
				got, err := Run(t.Context(), string(script), object.Object)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.HealthStatus, got); diff != "" {
					t.Errorf("Argo CD shows something else (-want +got):\n%s", diff)
				}
				agrees(t, object, got)
			})
		}
		files, err := filepath.Glob(filepath.Join(dir, "testdata", "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !tested["testdata/"+filepath.Base(f)] {
				t.Errorf("no test looks at %s", f)
			}
		}
	}
}

// agrees: who waits with kstatus must not be told something else than who looks at Argo CD.
func agrees(t *testing.T, object *unstructured.Unstructured, health Health) {
	t.Helper()
	result, err := status.Compute(object)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]status.Status{
		Healthy: status.CurrentStatus, Progressing: status.InProgressStatus, Degraded: status.FailedStatus, Suspended: status.InProgressStatus,
	}[health.Status]
	if object.GetDeletionTimestamp() != nil {
		want = status.TerminatingStatus
	}
	if _, ok := object.Object["status"]; !ok {
		// Without a status kstatus has nothing to go by. The API server never lets a ChatCluster be without: the CRD has a default.
		want = status.CurrentStatus
	}
	if result.Status != want {
		t.Errorf("kstatus says %s (%s) of what Argo CD calls %s", result.Status, result.Message, health.Status)
	}
}

// Both kinds keep the same conventions; two texts would drift apart.
func TestKindsShareAScript(t *testing.T) {
	first := read(t, filepath.Join(argocd, "chatcluster.io", kinds[0], "health.lua"))
	for _, kind := range kinds[1:] {
		if diff := cmp.Diff(string(first), string(read(t, filepath.Join(argocd, "chatcluster.io", kind, "health.lua")))); diff != "" {
			t.Errorf("%s has another script (-%s +%s):\n%s", kind, kinds[0], kind, diff)
		}
	}
}

// What users merge into Argo CD is what is tested.
func TestConfigMapHoldsTheScripts(t *testing.T) {
	var cm corev1.ConfigMap
	if err := yaml.UnmarshalStrict(read(t, filepath.Join(argocd, "argocd-cm.yaml")), &cm); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, kind := range kinds {
		want["resource.customizations.health.chatcluster.io_"+kind] = string(read(t, filepath.Join(argocd, "chatcluster.io", kind, "health.lua")))
	}
	if diff := cmp.Diff(want, cm.Data); diff != "" {
		t.Errorf("run make manifests (-want +got):\n%s", diff)
	}
}

// Argo CD would show "Unknown" without a word: a script that fails must fail here.
func TestBrokenScripts(t *testing.T) {
	cases := map[string]struct {
		reason, script, want string
	}{
		"Library": {"Argo CD opens no string library for scripts in argocd-cm", `return {status = string.format("Healthy")}`, "script failed"},
		"Status":  {"a typo in the status", `return {status = "Helthy"}`, `unknown status "Helthy"`},
		"Nothing": {"a forgotten return", `local hs = {}`, "no table"},
		"Endless": {"a loop must not hold up the controller", `while true do end`, "deadline exceeded"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if h, err := Run(t.Context(), tc.script, map[string]any{}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %+v, %v", tc.reason, h, err)
			}
		})
	}
}

// Folders and files that the examples name must be there, and nothing may be pruned that holds data.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(argocd, "examples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			o := object(t, f)
			spec := []string{"spec"}
			if o.GetKind() == "ApplicationSet" {
				spec = []string{"spec", "template", "spec"}
			}
			options, _, err := unstructured.NestedStringSlice(o.Object, append(spec, "syncPolicy", "syncOptions")...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(options, " "), "ServerSideApply=true") {
				t.Error("without ServerSideApply Argo CD compares with an annotation that is too small for the CRDs")
			}
			repo, _, _ := unstructured.NestedString(o.Object, append(spec, "source", "repoURL")...)
			path, _, _ := unstructured.NestedString(o.Object, append(spec, "source", "path")...)
			if strings.HasSuffix(repo, "/chatcluster") {
				if _, err := os.Stat(filepath.Join("..", "..", path)); err != nil {
					t.Errorf("path %q: %v", path, err)
				}
				return
			}
			if prune, _, _ := unstructured.NestedBool(o.Object, append(spec, "syncPolicy", "automated", "prune")...); prune {
				t.Error("a file that goes missing would delete a ChatCluster")
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// object decodes as a client of the API server does: whole numbers are int64.
func object(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON(read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return u
}
