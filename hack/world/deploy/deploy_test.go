package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

func TestTheSampleGetsItsImageAndItsIssuer(t *testing.T) {
	sample, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "samples", "chatcluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := inWorld(sample, "chatcluster/chatd:dev-1", "http://127.0.0.1:40082")
	if err != nil {
		t.Fatal(err)
	}
	var before, after struct {
		Metadata struct{ Name, Namespace string }
		Spec     map[string]any
	}
	if err := yaml.Unmarshal(sample, &before); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(got, &after); err != nil {
		t.Fatal(err)
	}
	if after.Spec["image"] != "chatcluster/chatd:dev-1" || len(after.Spec) != len(before.Spec) {
		t.Errorf("got spec %v", after.Spec)
	}
	issuer := func(spec map[string]any) map[string]any {
		return spec["auth"].(map[string]any)["issuers"].([]any)[0].(map[string]any)
	}
	was, is := issuer(before.Spec), issuer(after.Spec)
	if is["issuer"] != "http://127.0.0.1:40082" || is["jwksURL"] != was["jwksURL"] || len(is) != len(was) {
		t.Errorf("got issuer %v", is)
	}
	if want := fmt.Sprintf("http://127.0.0.1:%d", world.DefaultPortBase+82); was["issuer"] != want {
		t.Errorf("the sample's issuer is %v, and that of the default world %s", was["issuer"], want)
	}
	if before.Metadata.Name != sampleName || before.Metadata.Namespace != sampleNamespace {
		t.Errorf("the sample is %s/%s; this package and the gateway's port expect %s/%s", before.Metadata.Namespace, before.Metadata.Name, sampleNamespace, sampleName)
	}
	for _, bad := range []string{"", "a: [", "kind: Pod\nspec: {}", "kind: ChatCluster", "kind: ChatCluster\nspec: {}", "kind: ChatCluster\nspec: {auth: {issuers: [x]}}"} {
		if _, err := inWorld([]byte(bad), "x", "y"); err == nil {
			t.Errorf("inWorld(%q): want an error", bad)
		}
	}
}

// The sample's Secrets are made here: a name that is used there and not made here would never become Ready.
func TestPrerequisitesCoverTheSample(t *testing.T) {
	l, err := world.NewLayout("dev", t.TempDir(), t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := world.Describe(l, nil, false)
	for _, f := range []string{w.Postgres.PasswordFile, w.Redis.PasswordFile, w.DynamoDB.CredentialsFile} {
		if err := world.WriteFile(f, []byte("value: with [yaml] {in} it\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := Deployment{Layout: l, World: w}.prerequisites()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for doc := range strings.SplitSeq(string(b), "---\n") {
		var o struct {
			Kind     string
			Metadata struct {
				Name   string
				Labels map[string]string
			}
		}
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		made[o.Kind+"/"+o.Metadata.Name] = true
		if o.Kind == "Namespace" && o.Metadata.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
			t.Error("the namespace does not enforce Pod Security restricted")
		}
	}
	sample, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "samples", "chatcluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"postgres-credentials", "redis-credentials", "aws-credentials"} {
		if !made["Secret/"+want] || !strings.Contains(string(sample), want) {
			t.Errorf("Secret %s: made %t, in the sample %t", want, made["Secret/"+want], strings.Contains(string(sample), want))
		}
	}
}

func TestCoreDNSManifestsParse(t *testing.T) {
	b, err := renderCoreDNS("chatcluster.local/coredns:dev-1")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for doc := range strings.SplitSeq(string(b), "\n---\n") {
		var o struct{ Kind string }
		if err := yaml.UnmarshalStrict([]byte(doc), &struct {
			APIVersion string `json:"apiVersion"`
			Kind       *string
			Metadata   map[string]any
			Rules      []any
			RoleRef    map[string]any
			Subjects   []any
			Data       map[string]string
			Spec       map[string]any
		}{Kind: &o.Kind}); err != nil {
			t.Errorf("%v in:\n%s", err, doc)
		}
		kinds[o.Kind]++
	}
	for _, k := range []string{"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "Service", "Deployment"} {
		if kinds[k] != 1 {
			t.Errorf("%d objects of kind %s, want 1", kinds[k], k)
		}
	}
	if !strings.Contains(string(b), "clusterIP: 10.96.0.10\n") || !strings.Contains(string(b), "image: chatcluster.local/coredns:dev-1\n") {
		t.Error("address or image are not filled in")
	}
}

func TestReady(t *testing.T) {
	for name, tc := range map[string]struct {
		reason     string
		generation int64
		conditions []Condition
		want       string
	}{
		"Ready":   {reason: "True at the present generation.", generation: 2, conditions: []Condition{{Type: "Ready", Status: "True", ObservedGeneration: 2}}},
		"Stale":   {reason: "What was true of an earlier spec is no answer.", generation: 3, conditions: []Condition{{Type: "Ready", Status: "True", ObservedGeneration: 2}}, want: "latest spec"},
		"Not":     {reason: "The reason is what a person needs.", conditions: []Condition{{Type: "Ready", Status: "False", Reason: "SchemaFailed", Message: "boom"}}, want: "SchemaFailed: boom"},
		"Nothing": {reason: "No conditions yet.", want: "not reported"},
	} {
		t.Run(name, func(t *testing.T) {
			var o object
			o.Metadata.Generation, o.Status.Conditions = tc.generation, tc.conditions
			err := ready(o)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s got %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

func TestUntilSaysWhatItWaitedFor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	boom := errors.New("boom")
	err := report.New(io.Discard).Step(ctx, "Waiting", "", time.Minute, func(ctx context.Context, s *report.Status) error {
		return until(ctx, s, "Godot", func(context.Context) error { return boom })
	})
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "Godot") {
		t.Errorf("got %v, want what it waited for and the last answer", err)
	}
}
