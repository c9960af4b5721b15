//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
)

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
	w.change(t, cluster, fmt.Sprintf(`{"spec":{"gateway":{"replicas":%d}}}`, replicas))
	got := w.awaitReady(t, cluster)
	if want := fmt.Sprintf("%d/%d", replicas, replicas); got.Status.Gateway != want {
		t.Errorf("gateway column = %q, want %q", got.Status.Gateway, want)
	}
}
