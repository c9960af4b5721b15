package pinpoint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest"
)

func owner(uid string) ownership.Owner {
	return ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: uid}
}

func TestLifecycle(t *testing.T) {
	ctx, fake := t.Context(), &pinpointtest.Fake{PageSize: 1}
	if _, found, err := pinpoint.Observe(ctx, fake, owner("u1"), ""); err != nil || found {
		t.Fatalf("an empty account has an application: %v, %v", found, err)
	}
	for _, uid := range []string{"u0", "u1", "u1"} {
		if _, err := pinpoint.Create(ctx, fake, owner(uid), map[string]string{"team": "chat"}); err != nil {
			t.Fatal(err)
		}
	}
	app, found, err := pinpoint.Observe(ctx, fake, owner("u1"), "")
	if err != nil || !found || app.ID != "app002" {
		t.Fatalf("found %v %+v, err %v; want the smallest of ours, on the second page", found, app, err)
	}
	if again, _, err := pinpoint.Observe(ctx, fake, owner("u1"), "app003"); err != nil || again.ID != "app003" {
		t.Errorf("a known application that is ours was not kept: %+v, %v", again, err)
	}
	if other, _, err := pinpoint.Observe(ctx, fake, owner("u1"), "app001"); err != nil || other.ID != "app002" {
		t.Errorf("a known application that is another's was kept: %+v, %v", other, err)
	}
	if changed, err := pinpoint.Update(ctx, fake, owner("u1"), map[string]string{"team": "chat"}, app); err != nil || changed {
		t.Errorf("tags as wanted were written: %v, %v", changed, err)
	}
	if changed, err := pinpoint.Update(ctx, fake, owner("u1"), map[string]string{"team": "x"}, app); err != nil || !changed {
		t.Errorf("a changed tag was not written: %v, %v", changed, err)
	}
	if err := pinpoint.Release(ctx, fake, app); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"team": "x", ownership.TagOperator: "op", ownership.TagNamespace: "chat", ownership.TagName: "demo"}
	if diff := cmp.Diff(want, fake.Apps()["app002"]); diff != "" {
		t.Errorf("releasing takes the UID alone (-want +got):\n%s", diff)
	}
	if retained, found, err := pinpoint.Retained(ctx, fake, owner("u9")); err != nil || !found || retained.ID != "app002" {
		t.Errorf("a successor finds %v %+v, %v", found, retained, err)
	}
	stranger := owner("u9")
	stranger.Name = "other"
	if retained, found, err := pinpoint.Retained(ctx, fake, stranger); err != nil || found {
		t.Errorf("a stranger finds %+v, %v", retained, err)
	}
	for range 2 {
		if err := pinpoint.Delete(ctx, fake, app); err != nil {
			t.Errorf("deleting twice: %v", err)
		}
	}
}
