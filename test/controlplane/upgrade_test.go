package controlplane

import (
	"context"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	manifests "github.com/chatcluster/chatcluster/config"
	"github.com/chatcluster/chatcluster/controllers/chatcluster"
)

// previous is the folder of what was released last.
const previous = "testdata/v0.1"

// read reads an object as it was written, without the types of today.
func read(t *testing.T, file string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(previous + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// Objects that were made under the previous CRDs are served and reconciled under these, and may still be edited: nothing that was
// valid is refused, and nothing of them is lost.
func TestUpgradeFromThePreviousCRDs(t *testing.T) {
	old, err := readCRDs(os.DirFS(previous), "crd-*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	current, err := readCRDs(manifests.Files, "crd/bases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cluster, tenant := read(t, "chatcluster.yaml"), read(t, "chattenant.yaml")
	c := Run(t, Options{
		Operator: chatcluster.Options{AllowAWSEndpoints: true, AllowInsecureIssuers: true},
		crds:     old,
		before: func(config *rest.Config) error {
			if err := applyPrevious(t.Context(), config, cluster, tenant); err != nil {
				return err
			}
			_, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{CRDs: current})
			return err
		},
	})

	cc := &v1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.GetNamespace(), Name: cluster.GetName()}}
	isReady := func() bool {
		return meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady) && cc.Status.ObservedGeneration == cc.Generation
	}
	await(t, c, cc, "Ready", isReady)
	ct := &v1alpha1.ChatTenant{ObjectMeta: metav1.ObjectMeta{Namespace: tenant.GetNamespace(), Name: tenant.GetName()}}
	await(t, c, ct, "the tenant to be Ready", func() bool {
		return meta.IsStatusConditionTrue(ct.Status.Conditions, v1alpha1.ConditionReady)
	})
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(cluster.GroupVersionKind())
	if err := c.Client.Get(t.Context(), client.ObjectKeyFromObject(cc), live); err != nil {
		t.Fatal(err)
	}
	for _, path := range lost(cluster.Object["spec"], live.Object["spec"], "spec") {
		t.Errorf("lost by the upgrade: %s", path)
	}

	before := cc.DeepCopy()
	cc.Spec.Image = "chatcluster/chatd:next"
	if err := c.Client.Patch(t.Context(), cc, client.MergeFrom(before)); err != nil {
		t.Fatalf("what was valid may not be edited any more: %v", err)
	}
	await(t, c, cc, "the next image", func() bool { return isReady() && cc.Status.Image == "chatcluster/chatd:next" })
}

// applyPrevious makes objects as a user of the previous release did.
func applyPrevious(ctx context.Context, config *rest.Config, objects ...*unstructured.Unstructured) error {
	plain, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	namespace := objects[0].GetNamespace()
	made := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}}
	for name, data := range map[string]map[string]string{
		"aws-credentials":      {"credentials": "[default]\naws_access_key_id=a\naws_secret_access_key=b\n"},
		"postgres-credentials": {"password": "x"},
		"redis-credentials":    {"password": "x"},
	} {
		made = append(made, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: data})
	}
	for _, o := range objects {
		made = append(made, o.DeepCopy())
	}
	for _, o := range made {
		if err := plain.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// lost lists what is in had and not in has.
func lost(had, has any, path string) []string {
	was, ok := had.(map[string]any)
	if !ok {
		return nil
	}
	is, ok := has.(map[string]any)
	if !ok {
		return []string{path}
	}
	var paths []string
	for key, value := range was {
		if _, ok := is[key]; !ok {
			paths = append(paths, path+"."+key)
		}
		paths = append(paths, lost(value, is[key], path+"."+key)...)
	}
	return paths
}
