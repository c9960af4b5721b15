package client_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// TestRESTFromEndToEnd uses every method of the client's REST side on a gateway and a chat service.
func TestRESTFromEndToEnd(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.RealPod("c1")
	url := w.Gateway("g1", nil).URL
	ctx := t.Context()
	alice := join(t, url, "alice!a@phone", nil)
	bob := join(t, url, "bob!b@phone", nil)

	group, err := alice.CreateGroup(ctx, "team", []string{"bob"}, "g")
	must(t, err)
	_, err = alice.AddMembers(ctx, group.ID, []string{"carol", "dave"}, "", "k1")
	must(t, err)
	once, err := alice.Rename(ctx, group.ID, "the team", "k2")
	must(t, err)
	if again, err := alice.Rename(ctx, group.ID, "the team", "k2"); err != nil || again != once {
		t.Errorf("with the same key: %+v, %v, not %+v", again, err, once)
	}
	_, err = alice.ChangeRole(ctx, group.ID, "bob", "admin", "")
	must(t, err)
	_, err = bob.RemoveMember(ctx, group.ID, "dave", "")
	must(t, err)
	page, err := bob.Members(ctx, group.ID, 2, "")
	must(t, err)
	rest, err := bob.Members(ctx, group.ID, 2, page.Next)
	must(t, err)
	var who []string
	for _, m := range append(page.Members, rest.Members...) {
		who = append(who, m.User+" "+m.Role)
	}
	if diff := cmp.Diff([]string{"alice owner", "bob admin", "carol member"}, who); diff != "" {
		t.Errorf("members, -want +got:\n%s", diff)
	}

	sent, created, err := alice.Post(ctx, group.ID, protocol.SendMessage{Body: "hello"}, "m1")
	if err != nil || !created {
		t.Errorf("created %t, %v", created, err)
	}
	if again, created, err := alice.Post(ctx, group.ID, protocol.SendMessage{Body: "hello"}, "m1"); err != nil || created || again != sent {
		t.Errorf("again: %+v, created %t, %v", again, created, err)
	}
	_, err = alice.EditMessage(ctx, group.ID, sent.Seq, "hello all", "")
	must(t, err)
	_, err = bob.AddReaction(ctx, group.ID, sent.Seq, "👍", "")
	must(t, err)
	_, err = bob.RemoveReaction(ctx, group.ID, sent.Seq, "👍", "")
	must(t, err)
	seq, err := bob.MarkDelivered(ctx, group.ID, sent.Seq)
	if err != nil || seq != sent.Seq {
		t.Errorf("delivered up to %d, %v", seq, err)
	}
	seq, err = bob.MarkRead(ctx, group.ID, 1000)
	if err != nil || seq <= sent.Seq || seq == 1000 {
		t.Errorf("read up to %d, %v", seq, err)
	}
	receipts, err := alice.Receipts(ctx, group.ID, sent.Seq, 0, "")
	must(t, err)
	if diff := cmp.Diff([]protocol.Receipt{{User: "bob", Delivered: true, Read: true}, {User: "carol"}}, receipts.Receipts); diff != "" {
		t.Errorf("receipts, -want +got:\n%s", diff)
	}
	_, err = alice.DeleteMessage(ctx, group.ID, sent.Seq, "")
	must(t, err)

	yes := true
	if p, err := alice.SetPreferences(ctx, group.ID, protocol.ConversationPreferences{Pinned: &yes}); err != nil || !*p.Pinned || *p.Archived {
		t.Errorf("preferences %+v, %v", p, err)
	}
	if d, err := alice.Conversation(ctx, group.ID); err != nil || d.Title != "the team" || d.Role != "owner" || d.Members != 3 || !*d.Preferences.Pinned {
		t.Errorf("the conversation is %+v, %v", d, err)
	}
	for _, cursor := range []string{"", "c"} {
		if _, err := alice.Archive(ctx, 0, cursor); err != nil {
			t.Errorf("the archive: %v", err)
		}
	}
	_, err = bob.Leave(ctx, group.ID, "")
	must(t, err)

	_, err = alice.CreateDirect(ctx, "bob") // who talk with each other know
	must(t, err)
	w.Eventually("bob is online", func() bool {
		p, err := alice.PresenceOf(ctx, "bob", "nobody")
		return err == nil && p[0].Online && !p[1].Online
	})
	must(t, alice.RegisterDevice(ctx, protocol.Device{Platform: "ios", PushChannel: "APNS", PushToken: "secret"}))
	devices, err := alice.Devices(ctx)
	if err != nil || len(devices) != 1 || devices[0].ID != "phone" || devices[0].PushChannel != "APNS" {
		t.Errorf("devices %+v, %v", devices, err)
	}
	if sessions, err := alice.Sessions(ctx); err != nil || len(sessions) != 1 || sessions[0].Device != "phone" {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
	must(t, alice.SignOutDevice(ctx, "phone"))
	var closed *client.CloseError
	<-alice.Done()
	if err := alice.Err(); !errors.As(err, &closed) || closed.Code != protocol.CloseRevoked {
		t.Errorf("the client that was signed out ended with %v", err)
	}
	must(t, bob.SignOutAll(ctx))
	<-bob.Done()
}

func TestProblemsAreTyped(t *testing.T) {
	w := gatewaytest.New(t)
	w.RealPod("c1")
	url := w.Gateway("g1", nil).URL
	alice := join(t, url, "alice", nil)
	_, err := alice.Conversation(t.Context(), "nowhere/else?x=%2F")
	var e *client.Error
	if !errors.Is(err, &client.Error{Code: protocol.CodeNotMember}) || !errors.As(err, &e) || e.Status != http.StatusNotFound {
		t.Errorf("a conversation that is none: %v", err)
	}
	if _, err := alice.Rename(t.Context(), "nowhere", "", ""); !errors.Is(err, &client.Error{Code: protocol.CodeInvalid}) {
		t.Errorf("an empty title: %v", err)
	}
	expired := join(t, url, "bob", func(o *client.Options) {
		n := 0
		o.Token = func(context.Context) (string, error) {
			if n++; n > 1 {
				return "expired", nil
			}
			return "bob", nil
		}
	})
	if _, err := expired.Devices(t.Context()); !errors.Is(err, &client.Error{Code: protocol.CodeTokenExpired}) {
		t.Errorf("an expired token: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
