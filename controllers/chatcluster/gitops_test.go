package chatcluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/test/gitops"
)

// syncer is who applies manifests for a GitOps tool.
const syncer = client.FieldOwner("argocd-controller")

// An application is OutOfSync for ever when something changes what was applied: a default inside a list, a controller that writes
// into spec, a value that is stored in another form.
func TestAppliedManifestStaysAsItIs(t *testing.T) {
	for _, file := range samples(t, "ChatCluster") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			w := newWorld(t)
			w.r.Options.AllowAWSEndpoints, w.r.Options.AllowInsecureIssuers = true, true
			manifest := w.sample(file)
			w.apply(manifest)
			w.settle()
			w.pass()

			live := w.live()
			predicted := w.apply(manifest, client.DryRunAll)
			if diff := cmp.Diff(withoutManagers(live), withoutManagers(predicted)); diff != "" {
				t.Errorf("what is in git and what is live differ (-live +git):\n%s", diff)
			}
			within(t, "spec", manifest.Object["spec"], live.Object["spec"])
		})
	}
}

// Live objects, through all of a life, say to Argo CD and to kstatus what a user would say.
func TestHealthOfLiveObjects(t *testing.T) {
	w := newWorld(t)
	script, err := os.ReadFile(filepath.Join("..", "..", "config", "argocd", "chatcluster.io", "ChatCluster", "health.lua"))
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when, health string, waits status.Status) {
		t.Helper()
		live := w.live()
		h, err := gitops.Run(t.Context(), string(script), live.Object)
		if err != nil {
			t.Fatal(err)
		}
		result, err := status.Compute(live)
		if err != nil {
			t.Fatal(err)
		}
		if h.Status != health || result.Status != waits {
			t.Errorf("%s: Argo CD says %s (%s) and kstatus %s, want %s and %s%s", when, h.Status, h.Message, result.Status, health, waits, explainConditions(w.get()))
		}
	}
	w.create(nil)
	expect("just created", gitops.Progressing, status.InProgressStatus)
	w.pass()
	expect("after the first pass", gitops.Progressing, status.InProgressStatus)
	w.settle()
	expect("serving", gitops.Healthy, status.CurrentStatus)

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.AWS.Endpoints.DynamoDB = "http://here:8000" })
	expect("changed and not seen", gitops.Progressing, status.InProgressStatus)
	w.pass()
	expect("asking for what is not allowed", gitops.Degraded, status.FailedStatus)
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.AWS.Endpoints.DynamoDB = "" })
	w.settle()
	expect("mended", gitops.Healthy, status.CurrentStatus)

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Paused = true })
	w.pass()
	expect("paused", gitops.Suspended, status.InProgressStatus)
	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Paused, cc.Spec.DeletionPolicy = false, v1alpha1.DeletionDelete
	})
	w.settle()
	expect("resumed", gitops.Healthy, status.CurrentStatus)

	if err := admin.Delete(t.Context(), w.get()); err != nil {
		t.Fatal(err)
	}
	w.pass()
	expect("being deleted", gitops.Progressing, status.TerminatingStatus)
}

// What users apply first must be accepted to the letter.
func TestSamplesAreAccepted(t *testing.T) {
	for kind, into := range map[string]func() any{
		"ChatCluster": func() any { return &v1alpha1.ChatCluster{} }, "ChatTenant": func() any { return &v1alpha1.ChatTenant{} },
	} {
		for _, file := range samples(t, kind) {
			t.Run(filepath.Base(file), func(t *testing.T) {
				if err := yaml.UnmarshalStrict(readFile(t, file), into()); err != nil {
					t.Fatal(err)
				}
				w := newWorld(t)
				w.apply(w.sample(file), client.DryRunAll)
			})
		}
	}
}

// samples are the files of config/samples that hold an object of a kind.
func samples(t *testing.T, kind string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "samples", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		var object metav1.TypeMeta
		if err := yaml.Unmarshal(readFile(t, f), &object); err != nil {
			t.Fatal(err)
		}
		if object.Kind == kind {
			found = append(found, f)
		}
	}
	if len(found) < 2 {
		t.Fatalf("only %q are samples of %ss", found, kind)
	}
	return found
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sample reads a manifest as it stands, to the letter, for this world's namespace, and makes the Secrets that it names.
func (w *world) sample(file string) *unstructured.Unstructured {
	w.t.Helper()
	u := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON(readFile(w.t, file))
	if err == nil {
		err = u.UnmarshalJSON(data)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	u.SetNamespace(w.namespace)
	u.SetName("demo")
	for _, path := range [][]string{{"aurora", "passwordSecret", "name"}, {"elastiCache", "passwordSecret", "name"}, {"aws", "credentials", "secretName"}} {
		name, found, err := unstructured.NestedString(u.Object, append([]string{"spec"}, path...)...)
		if err != nil {
			w.t.Fatal(err)
		}
		if !found {
			continue
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, Data: map[string][]byte{
			"password": []byte("hunter2"), "credentials": []byte("[default]\naws_access_key_id=a\naws_secret_access_key=b\n"),
		}}
		if err := admin.Create(w.t.Context(), secret); err != nil {
			w.t.Fatal(err)
		}
	}
	return u
}

// apply applies the manifest as a GitOps tool does and returns what comes of it.
func (w *world) apply(manifest *unstructured.Unstructured, opts ...client.ApplyOption) *unstructured.Unstructured {
	w.t.Helper()
	u := manifest.DeepCopy()
	if err := admin.Apply(w.t.Context(), client.ApplyConfigurationFromUnstructured(u), append(opts, syncer, client.ForceOwnership)...); err != nil {
		w.t.Fatal(err)
	}
	return u
}

func (w *world) live() *unstructured.Unstructured {
	w.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ChatCluster"))
	if err := admin.Get(w.t.Context(), w.key("demo"), u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// withoutManagers leaves out when which field was written last, which a dry run tells anew.
func withoutManagers(u *unstructured.Unstructured) map[string]any {
	u = u.DeepCopy()
	u.SetManagedFields(nil)
	return u.Object
}

// within checks that everything that the manifest says is live to the letter, as tools that compare on their own side need it.
func within(t *testing.T, path string, manifest, live any) {
	t.Helper()
	switch want := manifest.(type) {
	case map[string]any:
		got, ok := live.(map[string]any)
		if !ok {
			t.Errorf("%s is %v, want an object", path, live)
			return
		}
		for k, v := range want {
			within(t, path+"."+k, v, got[k])
		}
	default:
		if diff := cmp.Diff(manifest, live); diff != "" {
			t.Errorf("%s (-git +live):\n%s", path, diff)
		}
	}
}
