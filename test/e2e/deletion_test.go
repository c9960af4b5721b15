//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

func deleted(t *testing.T, w *world) {
	c, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	prefix, topics := c.Spec.DynamoDB.TablePrefix, c.Spec.MSK.TopicPrefix
	w.deleteAndAwait(t, c)
	if got, want := len(w.tables(t, prefix)), len(dynamo.Tables()); got != want {
		t.Errorf("Retain left %d tables, want all %d", got, want)
	}
	if got, want := len(w.topics(t, topics)), len(eventlog.Topics()); got != want {
		t.Errorf("Retain left %d topics, want all %d", got, want)
	}
	var events eventsv1.EventList
	if err := w.kube.List(t.Context(), &events, ctrlclient.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool {
		return e.Regarding.Name == cluster && strings.Contains(e.Note, prefix)
	}) {
		t.Error("no event says which tables were left")
	}
}

func removed(t *testing.T, w *world) {
	w.deleteAndAwait(t, w.fleeting(t))
	if left := w.tables(t, "chat.fleeting."); len(left) > 0 {
		t.Errorf("Delete left the tables %v", left)
	}
	if left := w.topics(t, "chat.fleeting."); len(left) > 0 {
		t.Errorf("Delete left the topics %v", left)
	}
}

// fleeting makes a second ChatCluster after the sample's model, with other data, to be deleted with it.
func (w *world) fleeting(t *testing.T) *v1alpha1.ChatCluster {
	t.Helper()
	data, err := os.ReadFile("../../config/samples/chatcluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := &v1alpha1.ChatCluster{}
	if err := yaml.UnmarshalStrict(data, c); err != nil {
		t.Fatal(err)
	}
	c.Name, c.Namespace = "fleeting", namespace
	c.Spec.Image = w.Images["chatd"]
	c.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	c.Spec.DynamoDB.TablePrefix, c.Spec.MSK.TopicPrefix = "chat.fleeting.", "chat.fleeting."
	if err := w.kube.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return w.awaitReady(t, c.Name)
}

// childKinds are what a ChatCluster owns.
var childKinds = []schema.GroupVersionKind{
	{Group: "apps", Version: "v1", Kind: "DeploymentList"},
	{Group: "batch", Version: "v1", Kind: "JobList"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudgetList"},
	{Version: "v1", Kind: "PodList"},
	{Version: "v1", Kind: "ServiceList"},
	{Version: "v1", Kind: "ConfigMapList"},
	{Version: "v1", Kind: "ServiceAccountList"},
}

// deleteAndAwait deletes the ChatCluster and waits until it and everything that it owned in the cluster is gone.
func (w *world) deleteAndAwait(t *testing.T, c *v1alpha1.ChatCluster) {
	t.Helper()
	if err := w.kube.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, c.Name+" is gone", func(ctx context.Context) error {
		switch _, err := w.chatCluster(ctx, c.Name); {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return errors.New("it is still there")
	})
	eventually(t, patience, "its children are gone", func(ctx context.Context) error {
		for _, kind := range childKinds {
			list := &metav1.PartialObjectMetadataList{}
			list.SetGroupVersionKind(kind)
			if err := w.kube.List(ctx, list, ctrlclient.InNamespace(namespace), ctrlclient.MatchingLabels{"app.kubernetes.io/instance": c.Name}); err != nil {
				return err
			}
			if n := len(list.Items); n > 0 {
				return fmt.Errorf("%s: %d left, such as %s", kind.Kind, n, list.Items[0].Name)
			}
		}
		return nil
	})
}

// tables returns the tables in DynamoDB whose names start with prefix.
func (w *world) tables(t *testing.T, prefix string) []string {
	t.Helper()
	cfg, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion(w.DynamoDB.Region), awsconfig.WithSharedCredentialsFiles([]string{w.DynamoDB.CredentialsFile}))
	if err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(w.DynamoDB.Endpoint) })
	out, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(out.TableNames, func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

// topics returns the topics in Kafka whose names start with prefix.
func (w *world) topics(t *testing.T, prefix string) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Kafka.Address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(topics.Names(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}
