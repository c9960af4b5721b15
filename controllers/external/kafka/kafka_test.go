package kafka

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

func broker(t *testing.T) Admin {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	clients := NewClients(nil)
	t.Cleanup(clients.Close)
	admin, err := clients.Get(NewAccess(cluster.ListenAddrs(), false))
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

func TestLifecycle(t *testing.T) {
	admin := broker(t)
	deletion := map[string]string{"cleanup.policy": "delete"}
	wanted := []Wanted{
		{Name: "p.log", InitialPartitions: 4, Replication: 1, Configs: deletion, InitialConfigs: Retention(time.Hour)},
		{Name: "p.dlq", InitialPartitions: 1, Replication: 1, Configs: deletion},
	}
	ensure := func(wantChanges int, reason string) map[string]Topic {
		t.Helper()
		observed, changes, err := Ensure(t.Context(), admin, wanted)
		if err != nil {
			t.Fatal(err)
		}
		if changes != wantChanges {
			t.Errorf("%s: %d changes, want %d", reason, changes, wantChanges)
		}
		return observed
	}
	ensure(2, "both topics are new")
	observed := ensure(0, "nothing is to be done")
	if got := observed["p.log"]; got.Partitions != 4 || got.Configs["retention.ms"] != "3600000" {
		t.Errorf("p.log has %d partitions and %v", got.Partitions, got.Configs)
	}

	wanted[0].InitialPartitions, wanted[0].InitialConfigs = 16, Retention(2*time.Hour)
	ensure(0, "defaults for new topics do not touch one that exists")

	wanted[0].Partitions, wanted[0].Configs = 6, map[string]string{"cleanup.policy": "delete", "retention.ms": "7200000"}
	ensure(2, "partitions grow and the retention follows")
	observed = ensure(0, "nothing is left to be done")
	if got := observed["p.log"]; got.Partitions != 6 || got.Configs["retention.ms"] != "7200000" {
		t.Errorf("p.log has %d partitions and %v", got.Partitions, got.Configs)
	}
	wanted[0].Partitions = 2
	ensure(0, "partitions never shrink")

	names := []string{"p.log", "p.dlq", "p.never"}
	if gone, err := Delete(t.Context(), admin, names); err != nil || gone {
		t.Errorf("first deletion: gone %v, err %v", gone, err)
	}
	if gone, err := Delete(t.Context(), admin, names); err != nil || !gone {
		t.Errorf("second deletion: gone %v, err %v", gone, err)
	}
}

func TestErrors(t *testing.T) {
	admin := broker(t)
	_, _, err := Ensure(t.Context(), admin, []Wanted{{Name: "bad", InitialPartitions: 1, Replication: 7}})
	if !fault.IsTerminal(err) || fault.Reason(err) != v1alpha1.ReasonInvalid {
		t.Errorf("more copies than brokers need a person: %v", err)
	}
	clients := NewClients(nil)
	defer clients.Close()
	dead, err := clients.Get(NewAccess([]string{"127.0.0.1:1"}, false))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Ensure(t.Context(), dead, []Wanted{{Name: "x"}})
	if got := fault.Reason(err); got != v1alpha1.ReasonUnreachable {
		t.Errorf("a broker that is not there: %s: %v", got, err)
	}
}

func TestAccess(t *testing.T) {
	if diff := cmp.Diff(true, NewAccess([]string{"b:1", "a:1"}, true) == NewAccess([]string{"a:1", "b:1"}, true)); diff != "" {
		t.Error("the order of the brokers makes another client")
	}
}
