package controlplane

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// await looks every 50 ms, for two minutes.
func await(t *testing.T, c *ControlPlane, o client.Object, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for {
		if err := c.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o); client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		} else if done() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s: %+v", what, o)
		}
	}
}

// sample is the silo of config/samples, in a namespace with its Secrets.
func sample(t *testing.T, c *ControlPlane) *v1alpha1.ChatCluster {
	t.Helper()
	data, err := os.ReadFile("../../config/samples/silo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cc := &v1alpha1.ChatCluster{}
	if err := yaml.UnmarshalStrict(data, cc); err != nil {
		t.Fatal(err)
	}
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: cc.Namespace}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cc.Namespace, Name: "aurora"}, StringData: map[string]string{"password": "x"}},
		cc,
	} {
		if err := c.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return cc
}

func TestLifeOfAChatCluster(t *testing.T) {
	c := Run(t, Options{})
	cc := sample(t, c)
	is := func(kind string) func() bool {
		return func() bool { return meta.IsStatusConditionTrue(cc.Status.Conditions, kind) }
	}
	await(t, c, cc, "Ready", is(v1alpha1.ConditionReady))

	tenant := &v1alpha1.ChatTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: cc.Namespace, Name: "initech"},
		Spec: v1alpha1.ChatTenantSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: cc.Name}, DeletionPolicy: v1alpha1.DeletionDelete,
			Issuer: v1alpha1.TenantIssuer{URL: "https://id.initech.example", Audience: "chat", JWKSURL: "https://id.initech.example/jwks"},
		},
	}
	if err := c.Client.Create(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	await(t, c, tenant, "the tenant to be served", func() bool { return meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) })
	if err := c.Client.Delete(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	await(t, c, tenant, "the tenant's data to be purged", func() bool {
		return apierrors.IsNotFound(c.Client.Get(t.Context(), client.ObjectKeyFromObject(tenant), tenant))
	})

	c.World.FailMigrations("boom")
	cc.Spec.Image = "chatcluster/chatd:next"
	if err := c.Client.Update(t.Context(), cc); err != nil {
		t.Fatal(err)
	}
	await(t, c, cc, "the failed migration", func() bool {
		return is(v1alpha1.ConditionStalled)() && strings.Contains(cc.Status.Schema.LastError, "boom")
	})

	cc.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	if err := c.Client.Update(t.Context(), cc); err != nil {
		t.Fatal(err)
	}
	if err := c.Client.Delete(t.Context(), cc); err != nil {
		t.Fatal(err)
	}
	// No garbage collector runs here: the migrations' pods are the test's to remove.
	if err := c.Client.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(cc.Namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	await(t, c, cc, "the tables to go", func() bool { return len(c.World.DynamoDB.Names()) == 0 })
}

// Who asks for stillness decides when tables become ACTIVE and pods start; and what fails is seen.
func TestStill(t *testing.T) {
	c := Run(t, Options{Still: true})
	c.World.Cache.Fail(errors.New("no cache today"))
	cc := sample(t, c)
	await(t, c, cc, "a table that is CREATING", func() bool {
		for _, table := range cc.Status.Tables {
			if table.State == "CREATING" {
				return true
			}
		}
		return false
	})
	c.World.Cache.Fail(nil)
	await(t, c, cc, "Ready", func() bool {
		if err := c.World.Step(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
			t.Log(err)
		}
		return meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady)
	})
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}
