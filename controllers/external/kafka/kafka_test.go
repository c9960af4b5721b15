package kafka

import (
	"strings"
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

// The principals that the user named get what pods need of the prefix, once, and lose it in the end; others' rights stay.
func TestAccessRights(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "admin", "hunter2"), kfake.EnableACLs(),
		kfake.User("SCRAM-SHA-512", "chatd", "pw"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	clients := NewClients(nil)
	t.Cleanup(clients.Close)
	as := func(user, password string) Admin {
		a := NewAccess(cluster.ListenAddrs(), false)
		a.Mechanism, a.User, a.Password = "SCRAM-SHA-512", user, password
		admin, err := clients.Get(a)
		if err != nil {
			t.Fatal(err)
		}
		return admin
	}
	admin := as("admin", "hunter2")
	if _, _, err := Ensure(t.Context(), admin, []Wanted{{Name: "p.log", InitialPartitions: 1, Replication: 1}}); err != nil {
		t.Fatal(err)
	}
	seen := func() int {
		t.Helper()
		topics, err := as("chatd", "pw").Topics(t.Context(), "p.log")
		if err != nil && fault.Reason(classify("list", err)) != v1alpha1.ReasonAccessDenied {
			t.Fatal(err)
		}
		return len(topics)
	}
	if seen() != 0 {
		t.Fatal("the pods see topics without any right to: nothing is proven")
	}
	principals := []string{"User:chatd", "User:CN=chatd"}
	for i, want := range []int{2, 0} {
		if n, err := EnsureAccess(t.Context(), admin, principals, "p."); err != nil || n != want {
			t.Errorf("pass %d: %d principals got rights, %v; want %d", i, n, err, want)
		}
	}
	if seen() != 1 {
		t.Error("the pods do not see their topic")
	}
	for range 2 {
		if err := RemoveAccess(t.Context(), admin, principals[:1], "p."); err != nil {
			t.Fatal(err)
		}
	}
	have, err := admin.Allowed(t.Context(), "p.")
	if err != nil || have["User:chatd"] != 0 || have["User:CN=chatd"] == 0 {
		t.Errorf("left are %v, %v", have, err)
	}
	if _, _, err := Ensure(t.Context(), as("chatd", "wrong"), []Wanted{{Name: "p.log"}}); fault.IsTerminal(err) || !strings.Contains(err.Error(), "msk.authentication") {
		t.Errorf("a broker that hangs up: %v", err)
	}
}
