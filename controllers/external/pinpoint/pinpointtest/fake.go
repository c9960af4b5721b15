package pinpointtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"

	external "github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

var _ external.API = (*Fake)(nil)

// Fake is the Pinpoint. The zero value is empty and ready to use.
type Fake struct {
	// Before, when set, runs before each call with the operation's name; an error is the call's answer.
	Before func(operation string) error
	// After, when set, runs after each call that did what it was asked; an error takes the place of its answer.
	After func(operation string) error
	// PageSize bounds a page of GetApps, 0 for no bound.
	PageSize int

	mu     sync.Mutex
	apps   map[string]types.ApplicationResponse
	made   int
	writes []string

	channels map[string]map[external.Platform]external.Channel
	given    map[string]map[external.Platform]external.Credentials
}

const arnPrefix = "arn:aws:mobiletargeting:us-east-1:000000000000:apps/"

// Writes returns the calls that change something, in order.
func (f *Fake) Writes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.writes)
}

// Apps returns the applications' ids and their tags.
func (f *Fake) Apps() map[string]map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	apps := map[string]map[string]string{}
	for id, a := range f.apps {
		apps[id] = maps.Clone(a.Tags)
	}
	return apps
}

func (f *Fake) enter(operation string, write bool) (func(), error) {
	if f.Before != nil {
		if err := f.Before(operation); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	if f.apps == nil {
		f.apps = map[string]types.ApplicationResponse{}
		f.channels = map[string]map[external.Platform]external.Channel{}
		f.given = map[string]map[external.Platform]external.Credentials{}
	}
	if write {
		f.writes = append(f.writes, operation)
	}
	return f.mu.Unlock, nil
}

// leave is what a call answers that did what it was asked.
func (f *Fake) leave(operation string) error {
	if f.After == nil {
		return nil
	}
	return f.After(operation)
}

func copied(a types.ApplicationResponse) types.ApplicationResponse {
	a.Tags = maps.Clone(a.Tags)
	return a
}

func notFound(id string) error {
	return &types.NotFoundException{Message: aws.String("no application " + id)}
}

// GetApp implements API.
func (f *Fake) GetApp(_ context.Context, in *pinpoint.GetAppInput, _ ...func(*pinpoint.Options)) (*pinpoint.GetAppOutput, error) {
	leave, err := f.enter("GetApp", false)
	if err != nil {
		return nil, err
	}
	defer leave()
	a, ok := f.apps[*in.ApplicationId]
	if !ok {
		return nil, notFound(*in.ApplicationId)
	}
	a = copied(a)
	return &pinpoint.GetAppOutput{ApplicationResponse: &a}, f.leave("GetApp")
}

// GetApps implements API.
func (f *Fake) GetApps(_ context.Context, in *pinpoint.GetAppsInput, _ ...func(*pinpoint.Options)) (*pinpoint.GetAppsOutput, error) {
	leave, err := f.enter("GetApps", false)
	if err != nil {
		return nil, err
	}
	defer leave()
	out := &types.ApplicationsResponse{}
	for _, id := range slices.Sorted(maps.Keys(f.apps)) {
		if id <= aws.ToString(in.Token) {
			continue
		}
		if f.PageSize > 0 && len(out.Item) == f.PageSize {
			out.NextToken = out.Item[len(out.Item)-1].Id
			break
		}
		out.Item = append(out.Item, copied(f.apps[id]))
	}
	return &pinpoint.GetAppsOutput{ApplicationsResponse: out}, f.leave("GetApps")
}

// CreateApp implements API.
func (f *Fake) CreateApp(_ context.Context, in *pinpoint.CreateAppInput, _ ...func(*pinpoint.Options)) (*pinpoint.CreateAppOutput, error) {
	leave, err := f.enter("CreateApp", true)
	if err != nil {
		return nil, err
	}
	defer leave()
	f.made++
	id := fmt.Sprintf("app%03d", f.made)
	a := types.ApplicationResponse{
		Id: aws.String(id), Arn: aws.String(arnPrefix + id), Name: in.CreateApplicationRequest.Name, Tags: maps.Clone(in.CreateApplicationRequest.Tags),
	}
	f.apps[id] = a
	a = copied(a)
	return &pinpoint.CreateAppOutput{ApplicationResponse: &a}, f.leave("CreateApp")
}

// DeleteApp implements API.
func (f *Fake) DeleteApp(_ context.Context, in *pinpoint.DeleteAppInput, _ ...func(*pinpoint.Options)) (*pinpoint.DeleteAppOutput, error) {
	leave, err := f.enter("DeleteApp", true)
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, ok := f.apps[*in.ApplicationId]; !ok {
		return nil, notFound(*in.ApplicationId)
	}
	delete(f.apps, *in.ApplicationId)
	return &pinpoint.DeleteAppOutput{}, f.leave("DeleteApp")
}

// TagResource implements API.
func (f *Fake) TagResource(_ context.Context, in *pinpoint.TagResourceInput, _ ...func(*pinpoint.Options)) (*pinpoint.TagResourceOutput, error) {
	leave, err := f.enter("TagResource", true)
	if err != nil {
		return nil, err
	}
	defer leave()
	a, ok := f.apps[strings.TrimPrefix(*in.ResourceArn, arnPrefix)]
	if !ok {
		return nil, notFound(*in.ResourceArn)
	}
	maps.Copy(a.Tags, in.TagsModel.Tags)
	return &pinpoint.TagResourceOutput{}, f.leave("TagResource")
}

// UntagResource implements API.
func (f *Fake) UntagResource(_ context.Context, in *pinpoint.UntagResourceInput, _ ...func(*pinpoint.Options)) (*pinpoint.UntagResourceOutput, error) {
	leave, err := f.enter("UntagResource", true)
	if err != nil {
		return nil, err
	}
	defer leave()
	a, ok := f.apps[strings.TrimPrefix(*in.ResourceArn, arnPrefix)]
	if !ok {
		return nil, notFound(*in.ResourceArn)
	}
	for _, k := range in.TagKeys {
		delete(a.Tags, k)
	}
	return &pinpoint.UntagResourceOutput{}, f.leave("UntagResource")
}

// Given returns the credentials that a channel has, which Pinpoint itself would never tell.
func (f *Fake) Given(app string, p external.Platform) (external.Credentials, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.given[app][p]
	return c, ok
}

// Change changes a channel behind everybody's back: it is enabled or disabled, and its version grows.
func (f *Fake) Change(app string, p external.Platform, enabled bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.channels[app][p] = external.Channel{Enabled: enabled, Version: f.channels[app][p].Version + 1}
}

// Channel implements API.
func (f *Fake) Channel(_ context.Context, app string, p external.Platform) (external.Channel, bool, error) {
	leave, err := f.enter("GetChannel", false)
	if err != nil {
		return external.Channel{}, false, err
	}
	defer leave()
	c, ok := f.channels[app][p]
	return c, ok, f.leave("GetChannel")
}

// SetChannel implements API.
func (f *Fake) SetChannel(_ context.Context, app string, p external.Platform, with external.Credentials) (external.Channel, error) {
	leave, err := f.enter("UpdateChannel", true)
	if err != nil {
		return external.Channel{}, err
	}
	defer leave()
	if _, ok := f.apps[app]; !ok {
		return external.Channel{}, notFound(app)
	}
	if f.channels[app] == nil {
		f.channels[app] = map[external.Platform]external.Channel{}
		f.given[app] = map[external.Platform]external.Credentials{}
	}
	c := external.Channel{Enabled: true, Version: f.channels[app][p].Version + 1}
	f.channels[app][p], f.given[app][p] = c, with
	return c, f.leave("UpdateChannel")
}

// DeleteChannel implements API.
func (f *Fake) DeleteChannel(_ context.Context, app string, p external.Platform) error {
	leave, err := f.enter("DeleteChannel", true)
	if err != nil {
		return err
	}
	defer leave()
	if _, ok := f.channels[app][p]; !ok {
		return notFound(app)
	}
	delete(f.channels[app], p)
	delete(f.given[app], p)
	return f.leave("DeleteChannel")
}
