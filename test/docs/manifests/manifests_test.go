package manifests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/test/docs"
)

const root = "../../.."

// reader is somebody at a keyboard who follows the pages.
const reader = client.FieldOwner("reader")

// server is a real API server with the CRDs, the production sample as chat/chat, and the namespaces that the pages speak of.
type server struct {
	client.Client
	kubectl    docs.Program
	kubeconfig string
}

func start(t *testing.T) *server {
	t.Helper()
	environment := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root, "config", "crd", "bases")}, ErrorIfCRDPathMissing: true}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	user, err := environment.AddUser(envtest.User{Name: string(reader), Groups: []string{"system:masters"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	kubectl, err := user.Kubectl()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{kubectl: docs.Program{Path: kubectl.Path, Options: []string{"options"}}, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := os.WriteFile(s.kubeconfig, kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.Client, err = client.New(config, client.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"chat", "tenant-initech"} {
		if err := s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	s.create(t, "production.yaml")
	return s
}

// create makes what is in a sample.
func (s *server) create(t *testing.T, sample string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config", "samples", sample))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects(t, sample, text) {
		if err := s.Create(t.Context(), o, reader); err != nil {
			t.Fatal(err)
		}
	}
}

// pages are those of the docs folder and of the chart.
func pages(t *testing.T) []docs.Page {
	t.Helper()
	all, err := docs.Pages(root)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(p docs.Page) bool {
		return !strings.HasPrefix(p.Path, "docs/") && !strings.HasPrefix(p.Path, "charts/")
	})
}

func objects(t *testing.T, at string, text []byte) []*unstructured.Unstructured {
	t.Helper()
	var found []*unstructured.Unstructured
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		o := &unstructured.Unstructured{}
		if err := sigsyaml.UnmarshalStrict(doc, &o.Object); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if len(o.Object) > 0 {
			found = append(found, o)
		}
	}
}

// argocd returns the examples for Argo CD, whose kinds this API server does not know; test/gitops holds them to what is right.
func argocd(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "config", "argocd", "examples", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var found []*unstructured.Unstructured
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, objects(t, f, text)...)
	}
	return found
}

func TestManifestsAreAccepted(t *testing.T) {
	s := start(t)
	examples := argocd(t)
	checked := 0
	for _, page := range pages(t) {
		for _, block := range page.Blocks("yaml") {
			for _, o := range objects(t, block.At(), []byte(block.Text)) {
				checked++
				if o.GroupVersionKind().Group == "argoproj.io" {
					if !slices.ContainsFunc(examples, func(e *unstructured.Unstructured) bool { return reflect.DeepEqual(e.Object, o.Object) }) {
						t.Errorf("%s: config/argocd/examples has no such %s", block.At(), o.GetKind())
					}
					continue
				}
				if err := s.try(t, o); err != nil {
					t.Errorf("%s: %v", block.At(), err)
				}
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d manifests were found", checked)
	}
}

// try has the API server look at an object that is applied, or merged into the production sample where it is a part of one.
func (s *server) try(t *testing.T, o *unstructured.Unstructured) error {
	t.Helper()
	if o.GetKind() != "" {
		return s.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), reader, client.ForceOwnership, client.DryRunAll)
	}
	patch, err := json.Marshal(o.Object)
	if err != nil {
		return err
	}
	cc := &unstructured.Unstructured{}
	cc.SetAPIVersion("chatcluster.io/v1alpha1")
	cc.SetKind("ChatCluster")
	cc.SetNamespace("chat")
	cc.SetName("chat")
	return s.Patch(t.Context(), cc, client.RawPatch(types.MergePatchType, patch), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
}
