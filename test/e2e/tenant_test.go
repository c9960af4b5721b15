//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// tenant is the id, the namespace and the name of the tenant that these tests make beside the sample's own.
const tenant = "initech"

// tenantMade has somebody who may edit a namespace, and no more, make a tenant of the sample in it: refused before the sample's owner
// allows the namespace, served after. Its users come with tokens of its own issuer.
func tenantMade(t *testing.T, w *world) {
	owner := w.tenantOwner(t)
	if err := owner.Create(t.Context(), w.tenantObject(tenant)); err != nil {
		t.Fatal(err)
	}
	w.awaitTenant(t, tenant, v1alpha1.ReasonNotAllowed)

	w.change(t, cluster, `{"spec":{"tenants":{"allowedNamespaces":{"from":"Selector","selector":{"matchLabels":{"chat-tenants":"yes"}}}}}}`)
	w.awaitTenant(t, tenant, v1alpha1.ReasonNotAllowed)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}}
	if err := w.kube.Patch(t.Context(), ns, ctrlclient.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"chat-tenants":"yes"}}}`))); err != nil {
		t.Fatal(err)
	}
	w.awaitTenant(t, tenant, v1alpha1.ReasonReady)

	second := w.tenantObject("copycat")
	if err := owner.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	w.awaitTenant(t, "copycat", v1alpha1.ReasonClaimed)
	if err := owner.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}

	alice, bob := w.personOf(w.TenantIssuer, "alice"), w.personOf(w.TenantIssuer, "bob")
	alice.awaitServed(t)
	bob.awaitServed(t)
	conv := direct(t, alice, bob)
	alice.send(t, conv, "hello, initech")
	bob.awaitBodies(t, conv, []string{"hello, initech"})
}

// tenantIsolated has a user of each tenant, of one name, try what is the other's.
func tenantIsolated(t *testing.T, w *world) {
	type side struct {
		alice, bob           *person
		conv, direct, cursor string
	}
	enter := func(id identity) side {
		s := side{alice: w.personOf(id, "alice"), bob: w.personOf(id, "bob")}
		s.alice.connect(t)
		s.bob.connect(t)
		s.conv = group(t, s.alice, s.bob)
		s.direct = direct(t, s.alice, s.bob)
		for _, conv := range []string{s.conv, s.direct} {
			s.alice.send(t, conv, "between us of "+id.Inside)
		}
		eventually(t, soon, "the inbox has more than a page", func(ctx context.Context) error {
			page, err := s.alice.client.Inbox(ctx, 1, "")
			if s.cursor = page.Next; err == nil && s.cursor == "" {
				err = errors.New("there is no next page")
			}
			return err
		})
		return s
	}
	ours, theirs := enter(w.Issuer), enter(w.TenantIssuer)
	// Ids are a tenant's own: those of what two people of the same names have between them are alike, and two conversations.
	for _, s := range []side{ours, theirs} {
		page, err := s.alice.client.History(t.Context(), s.direct, client.Range{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if strings.Contains(e.Body, "between us of ") && e.Body != "between us of "+s.alice.id.Inside {
				t.Errorf("alice of %s reads %q", s.alice.id.Inside, e.Body)
			}
		}
	}
	for _, pair := range []struct {
		name     string
		me, them side
	}{{"the tenant's user", theirs, ours}, {"the sample's user", ours, theirs}} {
		c, mine := pair.me.alice.client, pair.them.conv
		for what, try := range map[string]func(context.Context) error{
			"sees a conversation": func(ctx context.Context) error { _, err := c.Conversation(ctx, mine); return err },
			"reads a history":     func(ctx context.Context) error { _, err := c.History(ctx, mine, client.Range{}); return err },
			"lists members":       func(ctx context.Context) error { _, err := c.Members(ctx, mine, 0, ""); return err },
			"joins": func(ctx context.Context) error {
				_, err := c.AddMembers(ctx, mine, []string{"alice"}, "", "")
				return err
			},
			"posts": func(ctx context.Context) error {
				_, _, err := c.Post(ctx, mine, protocol.SendMessage{Body: "x"}, "k")
				return err
			},
			"sends":         func(ctx context.Context) error { _, err := c.Send(ctx, mine, "x"); return err },
			"marks as read": func(ctx context.Context) error { _, err := c.MarkRead(ctx, mine, 1); return err },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			if err := try(ctx); !errors.Is(err, &client.Error{Code: protocol.CodeNotMember}) {
				t.Errorf("%s %s of the other tenant's: %v, want %s", pair.name, what, err, protocol.CodeNotMember)
			}
			cancel()
		}
		for _, cursor := range []string{"", pair.them.cursor} {
			page, err := c.Inbox(t.Context(), 50, cursor)
			if err != nil && cursor == "" {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				if item.Conversation == mine || item.LastPreview == "between us of "+pair.them.alice.id.Inside {
					t.Errorf("the inbox of %s shows the other tenant's conversation (cursor %q)", pair.name, cursor)
				}
			}
		}
	}

	forged := w.TenantIssuer.sign(t, issuer.Claims{Issuer: w.Issuer.ID, Audience: w.Issuer.Audience, User: "alice", TTL: time.Hour})
	c, err := client.Dial(t.Context(), client.Options{URL: w.GatewayURL, Token: client.StaticToken(forged), Device: "forger", Platform: "cli"})
	if err == nil {
		_ = c.Close()
		t.Error("a token that the tenant's key signed is taken for the sample's issuer's")
	}
}

// tenantPushes gives the tenant a push application of its own, with credentials that come after it: its users' phones get pushes from that
// one, and those of the sample's users from the sample's.
func tenantPushes(t *testing.T, w *world) {
	w.changeTenant(t, `{"spec":{"push":{"channels":{"fcm":{"serviceAccountSecret":{"name":"firebase"}}}}}}`)
	w.awaitTenant(t, tenant, v1alpha1.ReasonNotAllowed)
	w.change(t, cluster, `{"spec":{"tenants":{"ownPush":true}}}`)
	w.awaitTenant(t, tenant, v1alpha1.ReasonPending)
	account := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "firebase"},
		StringData: map[string]string{"service-account.json": `{"type":"service_account","project_id":"initech"}`},
	}
	if err := w.kube.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	w.awaitTenant(t, tenant, v1alpha1.ReasonReady)
	ct := &v1alpha1.ChatTenant{}
	err := w.kube.Get(t.Context(), ctrlclient.ObjectKey{Namespace: tenant, Name: tenant}, ct)
	if err != nil {
		t.Fatal(err)
	}
	cc, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	own, samples := ct.Status.Push.ApplicationID, cc.Status.Push.ApplicationID
	if own == "" || own == samples {
		t.Fatalf("the tenant's application is %q, the sample's %q", own, samples)
	}
	for _, side := range []struct {
		id          identity
		application string
	}{{w.TenantIssuer, own}, {w.Issuer, samples}} {
		alice, bob := w.personOf(side.id, "alice"), w.personOf(side.id, "bob")
		alice.connect(t)
		bob.connect(t)
		address := fmt.Sprintf("bob-of-%s-%d", side.id.Inside, time.Now().UnixNano()) // a sink remembers earlier runs
		if err := bob.client.RegisterDevice(t.Context(), protocol.Device{Platform: "android", PushChannel: "GCM", PushToken: address}); err != nil {
			t.Fatal(err)
		}
		conv := direct(t, alice, bob)
		bob.leave(t)
		alice.send(t, conv, "are you there?")
		eventually(t, soon, "bob's phone shows a push", func(ctx context.Context) error {
			phone, err := w.phone(ctx, address)
			if err == nil && len(phone.Messages) == 0 {
				err = errors.New("it shows nothing")
			}
			if err == nil && phone.Application != side.application {
				t.Fatalf("a push to a user of %s came from application %q, want %q", side.id.Inside, phone.Application, side.application)
			}
			return err
		})
	}
}

// tenantSuspended suspends the tenant under its users, and resumes it.
func tenantSuspended(t *testing.T, w *world) {
	alice, bob, ours := w.personOf(w.TenantIssuer, "alice"), w.personOf(w.TenantIssuer, "bob"), w.person("alice")
	for _, p := range []*person{alice, bob, ours} {
		p.connect(t)
	}
	conv := direct(t, alice, bob)
	alice.send(t, conv, "before")
	w.changeTenant(t, `{"spec":{"suspended":true}}`)
	w.awaitTenant(t, tenant, v1alpha1.ReasonSuspended)
	alice.awaitShutOut(t)
	if err := ours.client.Err(); err != nil || ours.dropped() > 0 {
		t.Errorf("another tenant's user was disconnected %d times (%v)", ours.dropped(), err)
	}

	w.changeTenant(t, `{"spec":{"suspended":false}}`)
	w.awaitTenant(t, tenant, v1alpha1.ReasonReady)
	alice.awaitServed(t)
	alice.send(t, conv, "after")
}

// tenantDeleted deletes the tenant with its data. What that takes goes on while other parts run: tenantPurged looks at the end of it.
func tenantDeleted(t *testing.T, w *world) {
	alice := w.personOf(w.TenantIssuer, "alice")
	alice.connect(t)
	w.changeTenant(t, `{"spec":{"deletionPolicy":"Delete"}}`)
	ct := &v1alpha1.ChatTenant{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: tenant}}
	if err := w.kube.Delete(t.Context(), ct); err != nil {
		t.Fatal(err)
	}
	w.awaitTenant(t, tenant, v1alpha1.ReasonDeleting)
	alice.awaitShutOut(t)
}

// tenantOwner makes the tenant's namespace, and returns a client of somebody who may edit it and nothing else.
func (w *world) tenantOwner(t *testing.T) ctrlclient.Client {
	t.Helper()
	const name = "initech-team"
	for _, o := range []ctrlclient.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		},
	} {
		if err := w.kube.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	config := rest.CopyConfig(w.rest)
	config.Impersonate.UserName = name
	c, err := ctrlclient.New(config, ctrlclient.Options{Scheme: w.kube.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tenantObject claims the tenant's id under some name. Its keys are found through its issuer's OpenID configuration.
func (w *world) tenantObject(name string) *v1alpha1.ChatTenant {
	return &v1alpha1.ChatTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec: v1alpha1.ChatTenantSpec{
			ClusterRef: v1alpha1.ClusterReference{Namespace: namespace, Name: cluster}, ID: tenant,
			Issuer: v1alpha1.TenantIssuer{URL: w.TenantIssuer.Inside, Audience: w.TenantIssuer.Audience},
		},
	}
}

func (w *world) changeTenant(t *testing.T, patch string) {
	t.Helper()
	ct := &v1alpha1.ChatTenant{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: tenant}}
	if err := w.kube.Patch(t.Context(), ct, ctrlclient.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// awaitTenant waits until a ChatTenant's Ready has the reason, of its newest generation.
func (w *world) awaitTenant(t *testing.T, name, reason string) {
	t.Helper()
	eventually(t, soon, "ChatTenant "+name+" is "+reason, func(ctx context.Context) error {
		ct := &v1alpha1.ChatTenant{}
		if err := w.kube.Get(ctx, ctrlclient.ObjectKey{Namespace: tenant, Name: name}, ct); err != nil {
			return err
		}
		c := meta.FindStatusCondition(ct.Status.Conditions, v1alpha1.ConditionReady)
		if c == nil || c.ObservedGeneration != ct.Generation || c.Reason != reason {
			return fmt.Errorf("Ready is %+v", c)
		}
		return nil
	})
}

// awaitServed waits until the gateways know the person's tenant, and has them online then.
func (p *person) awaitServed(t *testing.T) {
	t.Helper()
	eventually(t, soon, p.name+"'s tenant is served", func(context.Context) error { return p.tryConnect(t) })
}

// awaitShutOut waits until the person's connection was ended for good, and checks that nothing else is open to them either.
func (p *person) awaitShutOut(t *testing.T) {
	t.Helper()
	var closed *client.CloseError
	eventually(t, soon, p.name+"'s connection is closed", func(context.Context) error {
		if err := p.client.Err(); !errors.As(err, &closed) {
			return fmt.Errorf("the connection's end is %w", err)
		}
		return nil
	})
	if closed.Code != protocol.CloseSuspended {
		t.Errorf("%s's connection was closed with %d, want %d", p.name, closed.Code, protocol.CloseSuspended)
	}
	if _, err := p.client.Inbox(t.Context(), 1, ""); !errors.Is(err, &client.Error{Code: protocol.CodeSuspended}) {
		t.Errorf("%s asks for the inbox and gets %v, want %s", p.name, err, protocol.CodeSuspended)
	}
}
