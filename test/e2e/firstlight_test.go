//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// TestFirstLight is the life of the sample ChatCluster. Its parts share it and run in order.
func TestFirstLight(t *testing.T) {
	w := enter(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *world)
	}{
		{"TheSampleIsReadyAndSaysSo", ready},
		{"TwoPeopleTalk", talk},
		{"WhoWasAwayGetsAPushAndThenEverythingOnce", away},
		{"TheInboxCountsUnread", inbox},
		{"BadInputGetsTypedErrors", badInput},
		{"DetectorsMaskAndHide", moderated},
		{"DeletingChatPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "chat") }},
		{"KillingChatPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "chat", atOnce) }},
		{"DeletingGatewayPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "gateway") }},
		{"KillingGatewayPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "gateway", atOnce) }},
		{"ScalingTheGatewayKeepsTalking", scaled},
		{"DeletingTheChatClusterLeavesTheData", deleted},
		{"DeletionPolicyDeleteRemovesTheData", removed},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, w) }) {
			t.Fatalf("%s failed: what follows builds on it", part.name)
		}
	}
}

func ready(t *testing.T, w *world) {
	c := w.awaitReady(t, cluster)
	for _, condition := range []string{
		v1alpha1.ConditionTablesReady, v1alpha1.ConditionTopicsReady, v1alpha1.ConditionSchemaReady, v1alpha1.ConditionCacheReady,
		v1alpha1.ConditionPushReady, v1alpha1.ConditionGatewayReady, v1alpha1.ConditionChatReady,
		v1alpha1.ConditionNotificationsReady, v1alpha1.ConditionProjectorReady,
	} {
		if !meta.IsStatusConditionTrue(c.Status.Conditions, condition) {
			t.Errorf("condition %s is not true although the ChatCluster is Ready", condition)
		}
	}
	if len(c.Status.Tables) != 6 || c.Status.Push.ApplicationID == "" || c.Status.Schema.Current == nil {
		t.Errorf("status lacks what was made: %d tables, application %q, schema %v",
			len(c.Status.Tables), c.Status.Push.ApplicationID, c.Status.Schema.Current)
	}

	table := strings.Split(strings.TrimSpace(w.kubectl(t, "get", "chc", "-n", namespace)), "\n")
	if len(table) != 2 {
		t.Fatalf("kubectl get chc shows %d lines:\n%s", len(table), strings.Join(table, "\n"))
	}
	if diff := cmp.Diff([]string{"NAME", "READY", "STATUS", "GATEWAY", "SCHEMA", "IMAGE", "AGE"}, strings.Fields(table[0])); diff != "" {
		t.Errorf("columns, -want +got:\n%s", diff)
	}
	if !strings.Contains(table[1], "True") || !strings.Contains(table[1], w.Images["chatd"]) {
		t.Errorf("the row does not say that it is ready and what serves: %s", table[1])
	}
}

// direct opens the conversation of two people and waits until both have seen that it exists.
func direct(t *testing.T, a, b *person) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	conv, err := a.client.CreateDirect(ctx, b.name)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.client.CreateDirect(ctx, a.name)
	if err != nil {
		t.Fatal(err)
	}
	if conv.ID != again.ID || again.Created {
		t.Errorf("two people have two direct conversations: %q and %q", conv.ID, again.ID)
	}
	return conv.ID
}

func talk(t *testing.T, w *world) {
	alice, bob := w.person("alice"), w.person("bob")
	alice.connect(t)
	bob.connect(t)
	conv := direct(t, alice, bob)
	var said []string
	for i := range 5 {
		for _, p := range []*person{alice, bob} {
			body := fmt.Sprintf("%s says %d ✓", p.name, i)
			p.send(t, conv, body)
			said = append(said, body)
		}
	}
	alice.awaitBodies(t, conv, said)
	bob.awaitBodies(t, conv, said)
}

func away(t *testing.T, w *world) {
	alice, bob := w.person("ann"), w.person("ben")
	alice.connect(t)
	bob.connect(t)
	address := fmt.Sprintf("ben-push-token-%d", time.Now().UnixNano()) // a sink remembers earlier runs
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if err := bob.client.RegisterDevice(ctx, protocol.Device{Platform: "android", PushChannel: "GCM", PushToken: address}); err != nil {
		t.Fatal(err)
	}
	conv := direct(t, alice, bob)
	alice.send(t, conv, "are you there?")
	bob.awaitBodies(t, conv, []string{"are you there?"})

	bob.leave(t)
	said := []string{"are you there?"}
	for i := range 3 {
		said = append(said, fmt.Sprintf("while you are away %d", i))
		alice.send(t, conv, said[len(said)-1])
	}
	eventually(t, soon, "the phone shows a push", func(ctx context.Context) error {
		phone, err := w.phone(ctx, address)
		if err != nil {
			return err
		}
		if len(phone.Messages) == 0 {
			return errors.New("the phone shows nothing")
		}
		return nil
	})
	phone, err := w.phone(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if len(phone.Messages) != 1 {
		t.Errorf("the phone shows %d notifications of one conversation, want them collapsed into one", len(phone.Messages))
	}

	bob.connect(t)
	bob.awaitBodies(t, conv, said)
}

func inbox(t *testing.T, w *world) {
	carl, dora := w.person("carl"), w.person("dora")
	carl.connect(t)
	dora.connect(t)
	conv := direct(t, carl, dora)
	var last uint64
	for i := range 3 {
		last = carl.send(t, conv, fmt.Sprintf("unread %d", i)).Seq
	}
	unread := func(want uint64) func(context.Context) error {
		return func(ctx context.Context) error {
			page, err := dora.client.Inbox(ctx, 10, "")
			if err != nil {
				return err
			}
			for _, item := range page.Items {
				if item.Conversation == conv {
					if item.Unread != want || item.LastPreview != "unread 2" || item.Peer != "carl" {
						return fmt.Errorf("item = %+v, want %d unread", item, want)
					}
					return nil
				}
			}
			return errors.New("the conversation is not in the inbox")
		}
	}
	eventually(t, soon, "dora has three unread messages", unread(3))
	dora.client.Read(conv, last-1)
	eventually(t, soon, "one is unread once two are read", unread(1))
	dora.client.Read(conv, last)
	eventually(t, soon, "nothing is unread once all is read", unread(0))
}

// atOnce leaves a pod no time to drain.
var atOnce = ctrlclient.GracePeriodSeconds(0)

// replaced deletes every pod of a role under two people who talk.
func replaced(t *testing.T, w *world, role string, how ...ctrlclient.DeleteOption) {
	alice, bob := w.person(fmt.Sprintf("alice-%s-%d", role, len(how))), w.person(fmt.Sprintf("bob-%s-%d", role, len(how)))
	alice.connect(t)
	bob.connect(t)
	conv := direct(t, alice, bob)
	tr := startTraffic(t, conv, alice, bob)
	tr.moves(t, 20)
	w.replacePods(t, role, how...)
	tr.moves(t, 20)
	tr.verify(t)
}

func scaled(t *testing.T, w *world) {
	people := []*person{w.person("eve"), w.person("finn"), w.person("gus")}
	people[0].connect(t)
	people[1].connect(t)
	conv := group(t, people...)
	tr := startTraffic(t, conv, people[:2]...)
	tr.people = people
	tr.moves(t, 10)

	w.scaleGateway(t, 3)
	// A later connection may land on any of the three; the others stay where they are.
	people[2].connect(t)
	tr.moves(t, 10)
	w.scaleGateway(t, 1)
	tr.moves(t, 10)
	tr.verify(t)
}

func (w *world) scaleGateway(t *testing.T, replicas int) {
	t.Helper()
	c, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	patch := ctrlclient.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"gateway":{"replicas":%d}}}`, replicas))
	if err := w.kube.Patch(t.Context(), c, patch); err != nil {
		t.Fatal(err)
	}
	got := w.awaitReady(t, cluster)
	if want := fmt.Sprintf("%d/%d", replicas, replicas); got.Status.Gateway != want {
		t.Errorf("gateway column = %q, want %q", got.Status.Gateway, want)
	}
}

func group(t *testing.T, people ...*person) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var names []string
	for _, p := range people[1:] {
		names = append(names, p.name)
	}
	conv, err := people[0].client.CreateGroup(ctx, "a group", names, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return conv.ID
}
