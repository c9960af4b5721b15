package chart

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var (
	root   = filepath.Join("..", "..", "..")
	dir    = filepath.Join(root, "charts", "chatcluster")
	update = flag.Bool("update", false, "write the golden files anew")
)

// A row for each file of values in testdata.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.values.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no values", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			rendered, err := Render(t.Context(), dir, read(t, file))
			if err != nil {
				t.Fatal(err)
			}
			// The rules and dashboards are compared with their sources elsewhere; here they would drown the rest.
			for name := range rendered {
				if name == "dashboards.yaml" {
					rendered[name] = shortened(rendered[name], "  chatcluster-")
				}
				if name == "monitoring.yaml" {
					rendered[name] = shortened(rendered[name], "  groups:")
				}
			}
			golden := strings.TrimSuffix(file, ".values.yaml") + ".golden.yaml"
			got := Manifests(rendered) + "---\n# NOTES.txt\n" + commented(rendered["NOTES.txt"])
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil { //nolint:gosec // It is a file of the repository.
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(read(t, golden)), got); diff != "" {
				t.Errorf("go test ./chart -update writes it anew (-golden +rendered):\n%s", diff)
			}
			for name, text := range rendered {
				if filepath.Ext(name) == ".yaml" {
					objects(t, name, text)
				}
			}
		})
	}
}

// shortened leaves out a text's lines that are indented further than the line that starts with prefix, after it.
func shortened(text, prefix string) string {
	var kept []string
	dropping := false
	indent := len(prefix) - len(strings.TrimLeft(prefix, " "))
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, prefix):
			kept, dropping = append(kept, line), true
			continue
		case dropping && (strings.TrimSpace(line) == "" || len(line)-len(strings.TrimLeft(line, " ")) > indent):
			continue
		}
		kept, dropping = append(kept, line), false
	}
	return strings.Join(kept, "\n")
}

func commented(notes string) string {
	return "# " + strings.ReplaceAll(strings.TrimSpace(notes), "\n", "\n# ") + "\n"
}

// A value that is misspelled or out of bounds must not pass for one that was never given.
func TestSchemaRefuses(t *testing.T) {
	cases := map[string]struct{ reason, values, want string }{
		"Misspelled":    {"the operator would watch everything", "watchNamespace: [chat]", "watchNamespace"},
		"MisspelledIn":  {"metrics would stay open", "metrics: {secured: true}", "secured"},
		"Type":          {"a string is no number", `replicas: "2"`, "replicas"},
		"Replicas":      {"one works, the others wait", "replicas: 100", "replicas"},
		"Concurrency":   {"the manager would refuse it at start", "maxConcurrentReconciles: 0", "maxConcurrentReconciles"},
		"Duration":      {"the manager would refuse it at start", "observeEvery: 5", "observeEvery"},
		"DurationUnit":  {"days are no unit of Go's", "observeEvery: 1d", "observeEvery"},
		"Repository":    {"nothing could be pulled", `image: {repository: ""}`, "repository"},
		"PullPolicy":    {"Kubernetes would refuse it", "image: {pullPolicy: Sometimes}", "pullPolicy"},
		"Namespace":     {"no namespace has such a name", "watchNamespaces: [Chat_1]", "watchNamespaces"},
		"Quantity":      {"Kubernetes would refuse it", "resources: {limits: {memory: 512MB}}", "memory"},
		"Toleration":    {"Kubernetes would refuse it", "tolerations: [{effect: NoEntry}]", "effect"},
		"Argument":      {"a value without its flag", "extraArgs: [leader]", "extraArgs"},
		"Label":         {"Kubernetes would refuse it", `podLabels: {team: "a b"}`, "podLabels"},
		"AnnotationInt": {"annotations are strings", "podAnnotations: {a: 1}", "podAnnotations"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Render(t.Context(), dir, []byte(tc.values))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: want an error that names %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

// Every value has its place in the schema, and the schema has no value that the chart has not.
func TestSchemaAndValuesAgree(t *testing.T) {
	var values map[string]any
	var schema struct {
		Properties map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"properties"`
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(dir, "values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(dir, "values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema.Properties, "global") // Helm's own
	if diff := cmp.Diff(keys(values), keys(schema.Properties)); diff != "" {
		t.Errorf("values (-values.yaml +schema):\n%s", diff)
	}
}

// The chart's CRDs and role are those of config/: with what a chart adds, and nothing else.
func TestCRDsAndRoleAreCopies(t *testing.T) {
	rendered, err := Render(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob(filepath.Join(root, "config", "crd", "bases", "*.yaml"))
	if err != nil || len(sources) == 0 {
		t.Fatal("no CRDs", err)
	}
	for _, source := range sources {
		got := objects(t, source, rendered["generated/"+filepath.Base(source)])[0]
		annotations := got["metadata"].(map[string]any)["annotations"].(map[string]any)
		if annotations["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s: uninstalling the chart would delete the CRD, and with it every object", source)
		}
		delete(annotations, "helm.sh/resource-policy")
		if diff := cmp.Diff(objects(t, source, string(read(t, source)))[0], got); diff != "" {
			t.Errorf("run make manifests (-config +chart):\n%s", diff)
		}
	}
	rules := func(text string) any { return objects(t, "role", text)[0]["rules"] }
	if diff := cmp.Diff(rules(string(read(t, filepath.Join(root, "config", "rbac", "role.yaml")))), rules(rendered["generated/manager-role.yaml"])); diff != "" {
		t.Errorf("run make manifests (-config +chart):\n%s", diff)
	}
	without, err := Render(t.Context(), dir, []byte("crds: {install: false}"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range without {
		if strings.HasPrefix(name, "generated/chatcluster.io_") {
			t.Errorf("%s is rendered although crds.install is false", name)
		}
	}
}

// An upgrade must not change what cannot be changed: Deployments' selectors.
func TestSelectorsDoNotDependOnValues(t *testing.T) {
	selector := func(values string) any {
		rendered, err := Render(t.Context(), dir, []byte(values))
		if err != nil {
			t.Fatal(err)
		}
		return objects(t, "deployment", rendered["deployment.yaml"])[0]["spec"].(map[string]any)["selector"]
	}
	if diff := cmp.Diff(selector(""), selector("podLabels: {team: a}\nreplicas: 3\nimage: {tag: other}")); diff != "" {
		t.Errorf("the selector changes with the values:\n%s", diff)
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

// objects parses a text of several documents; every object has a kind and a name.
func objects(t *testing.T, name, text string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for _, document := range strings.Split("\n"+text, "\n---") {
		var o map[string]any
		if err := yaml.UnmarshalStrict([]byte(document), &o); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, document)
		}
		if len(o) == 0 {
			continue
		}
		if metadata, ok := o["metadata"].(map[string]any); o["kind"] == nil || !ok || metadata["name"] == nil {
			t.Errorf("%s: an object without kind or name:\n%s", name, document)
		}
		found = append(found, o)
	}
	return found
}

func keys[V any](m map[string]V) map[string]bool {
	set := map[string]bool{}
	for k := range maps.Keys(m) {
		set[k] = true
	}
	return set
}
