package chatcluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// push makes sure that the push application is there, with its channels.
func (s *scope) push(ctx context.Context) {
	credentials, missing := pinpoint.ReadCredentials(ctx, s.spec.Pinpoint.Channels, s.text)
	type wish struct {
		AWS         v1alpha1.AWSSpec
		Owner       ownership.Owner
		Adopt       bool
		Application string
		Channels    map[pinpoint.Platform]pinpoint.Credentials
	}
	wanted := wish{s.spec.AWS, s.owner, s.adopt(), s.spec.Pinpoint.ApplicationID, credentials}
	if found, ok := s.memo.get(s.cc.UID, "push", wanted); ok && missing == nil {
		status := found.(v1alpha1.PushStatus)
		s.facts.application, s.facts.channels = status.ApplicationID, status.Channels
		return
	}
	// A Pinpoint that does not answer must not take the application away from pods that use it.
	s.facts.application, s.facts.channels = s.cc.Status.Push.ApplicationID, s.cc.Status.Push.Channels
	api, err := s.pinpoint(ctx)
	if err != nil {
		s.facts.push = secretFact(err)
		return
	}
	app, err := s.application(ctx, api)
	if err != nil {
		s.facts.push = failed(err)
		return
	}
	s.facts.application = app.ID
	switch {
	case missing != nil:
		s.facts.push = secretFact(missing)
		return
	case s.spec.Pinpoint.ApplicationID != "":
		s.facts.channels = nil
	default:
		if s.facts.push = s.ensureChannels(ctx, api, app, credentials); !s.facts.push.ready() {
			return
		}
	}
	s.memo.put(s.cc.UID, "push", wanted, v1alpha1.PushStatus{ApplicationID: app.ID, Channels: s.facts.channels}, jitter(s.Options.ObserveEvery))
}

// application is the one that the spec names, or the ChatCluster's own, with its tags.
func (s *scope) application(ctx context.Context, api pinpoint.API) (pinpoint.Application, error) {
	if id := s.spec.Pinpoint.ApplicationID; id != "" {
		return pinpoint.Named(ctx, api, id)
	}
	tags := s.userTags()
	app, found, err := pinpoint.Observe(ctx, api, s.owner, s.cc.Status.Push.ApplicationID)
	if err == nil && !found {
		app, err = s.obtainApplication(ctx, api, tags)
	}
	if err != nil {
		return app, err
	}
	_, err = pinpoint.Update(ctx, api, s.owner, tags, app)
	return app, err
}

func (s *scope) ensureChannels(ctx context.Context, api pinpoint.API, app pinpoint.Application, credentials map[pinpoint.Platform]pinpoint.Credentials) fact {
	states, changed, err := pinpoint.EnsureChannels(ctx, api, app, credentials)
	if len(changed) > 0 {
		s.event("PushChannelsChanged", "UpdateChannels", "Set or deleted channels of push application %s: %v", app.ID, changed)
	}
	if err != nil {
		return failed(err)
	}
	var disabled []string
	s.facts.channels = nil
	for _, c := range states {
		s.facts.channels = append(s.facts.channels, v1alpha1.ChannelStatus{Platform: string(c.Platform), Enabled: c.Enabled})
		if !c.Enabled {
			disabled = append(disabled, string(c.Platform))
		}
	}
	if len(disabled) > 0 {
		return failed(fault.Terminal(v1alpha1.ReasonChannelDisabled,
			"channels of push application %s are disabled: %s. AWS disables a channel whose credentials were refused: renew them in the Secret, or enable the channel again",
			app.ID, strings.Join(disabled, ", ")))
	}
	if len(changed) > 0 {
		return pending(v1alpha1.ReasonProgressing, fmt.Sprintf("channels were set or deleted: %v", changed), s.afterChange("push channels", fmt.Sprint(changed)))
	}
	return fact{}
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
			"push application %s was retained by an earlier ChatCluster of this name: annotate the ChatCluster with %s=%s to take it over, or delete it to get a new one",
			app.ID, v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt)
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
