package chatcluster

import (
	"context"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// push makes sure that the push application is there.
func (s *scope) push(ctx context.Context) {
	type wish struct {
		AWS   v1alpha1.AWSSpec
		Owner ownership.Owner
		Adopt bool
	}
	wanted := wish{s.spec.AWS, s.owner, s.adopt()}
	tags := s.userTags()
	if found, ok := s.memo.get(s.cc.UID, "push", wanted); ok {
		s.facts.application = found.(string)
		return
	}
	// A Pinpoint that does not answer must not take the application away from pods that use it.
	s.facts.application = s.cc.Status.Push.ApplicationID
	api, err := s.pinpoint(ctx)
	if err != nil {
		s.facts.push = secretFact(err)
		return
	}
	app, found, err := pinpoint.Observe(ctx, api, s.owner, s.cc.Status.Push.ApplicationID)
	if err != nil {
		s.facts.push = failed(err)
		return
	}
	if !found {
		if app, err = s.obtainApplication(ctx, api, tags); err != nil {
			s.facts.push = failed(err)
			return
		}
	}
	s.facts.application = app.ID
	if _, err := pinpoint.Update(ctx, api, s.owner, tags, app); err != nil {
		s.facts.push = failed(err)
		return
	}
	s.memo.put(s.cc.UID, "push", wanted, app.ID, jitter(s.Options.ObserveEvery))
}

// obtainApplication takes over the application that an earlier ChatCluster of this name retained, when the user allows it, or
// else makes one. It never makes one beside a retained one unasked: pushes would go through an application without channels.
func (s *scope) obtainApplication(ctx context.Context, api pinpoint.API, tags map[string]string) (pinpoint.Application, error) {
	app, found, err := pinpoint.Retained(ctx, api, s.owner)
	switch {
	case err != nil:
		return app, err
	case found && !s.adopt():
		return app, fault.Terminal(v1alpha1.ReasonNotOwned,
			"push application %s was retained by an earlier ChatCluster of this name: annotate the ChatCluster with %s=true to take it over, or delete it to get a new one",
			app.ID, v1alpha1.AnnotationAdopt)
	case found:
		s.event("PushApplicationAdopted", "TagApp", "Took over push application %s, which an earlier ChatCluster retained", app.ID)
		return app, nil
	}
	if app, err = pinpoint.Create(ctx, api, s.owner, tags); err != nil {
		return app, err
	}
	s.event("PushApplicationCreated", "CreateApp", "Created push application %s", app.ID)
	return app, nil
}
