package pinpoint

import (
	"context"
	"errors"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
)

const service = "Pinpoint"

// API is what is called of Pinpoint. Client is one.
type API interface {
	// Channel returns a channel, found false when there is none.
	Channel(ctx context.Context, app string, p Platform) (state Channel, found bool, err error)
	// SetChannel makes a channel, or gives it other credentials, and enables it.
	SetChannel(ctx context.Context, app string, p Platform, with Credentials) (Channel, error)
	// DeleteChannel deletes a channel.
	DeleteChannel(ctx context.Context, app string, p Platform) error

	GetApp(context.Context, *pinpoint.GetAppInput, ...func(*pinpoint.Options)) (*pinpoint.GetAppOutput, error)
	GetApps(context.Context, *pinpoint.GetAppsInput, ...func(*pinpoint.Options)) (*pinpoint.GetAppsOutput, error)
	CreateApp(context.Context, *pinpoint.CreateAppInput, ...func(*pinpoint.Options)) (*pinpoint.CreateAppOutput, error)
	DeleteApp(context.Context, *pinpoint.DeleteAppInput, ...func(*pinpoint.Options)) (*pinpoint.DeleteAppOutput, error)
	TagResource(context.Context, *pinpoint.TagResourceInput, ...func(*pinpoint.Options)) (*pinpoint.TagResourceOutput, error)
	UntagResource(context.Context, *pinpoint.UntagResourceInput, ...func(*pinpoint.Options)) (*pinpoint.UntagResourceOutput, error)
}

// Application is what was found.
type Application struct {
	ID   string
	ARN  string
	Tags map[string]string
}

// Account is where applications are, and what each of them carries.
type Account struct {
	API API
	// Operator names the installation of the operator in the owner's tags.
	Operator string
	// Tags are the user's.
	Tags map[string]string
}

// Observe finds the owner's application: the known one when it still is, or else by its tag among all. found is false when
// there is none.
func Observe(ctx context.Context, api API, owner ownership.Owner, knownID string) (app Application, found bool, err error) {
	if knownID != "" {
		out, err := api.GetApp(ctx, &pinpoint.GetAppInput{ApplicationId: aws.String(knownID)})
		var notFound *types.NotFoundException
		switch {
		case errors.As(err, &notFound):
		case err != nil:
			return Application{}, false, fault.AWS(service, "get application "+knownID, err)
		case out.ApplicationResponse != nil && owner.Of(out.ApplicationResponse.Tags) == ownership.Ours:
			return application(out.ApplicationResponse), true, nil
		}
	}
	return find(ctx, api, func(tags map[string]string) bool { return owner.Of(tags) == ownership.Ours })
}

// Named returns the application of an id, whoever owns it.
func Named(ctx context.Context, api API, id string) (Application, error) {
	out, err := api.GetApp(ctx, &pinpoint.GetAppInput{ApplicationId: aws.String(id)})
	var notFound *types.NotFoundException
	if errors.As(err, &notFound) {
		return Application{}, fault.Terminal(v1alpha1.ReasonInvalid, "Pinpoint: there is no application %s, which pinpoint.applicationID names", id)
	}
	if err != nil {
		return Application{}, fault.AWS(service, "get application "+id, err)
	}
	return application(out.ApplicationResponse), nil
}

// Retained finds the application that an earlier ChatCluster of the owner's name released. found is false when there is none.
func Retained(ctx context.Context, api API, owner ownership.Owner) (app Application, found bool, err error) {
	return find(ctx, api, owner.Retained)
}

// find looks through all applications. Of several that match, the one with the smallest id is it.
func find(ctx context.Context, api API, matches func(tags map[string]string) bool) (app Application, found bool, err error) {
	var token *string
	for {
		out, err := api.GetApps(ctx, &pinpoint.GetAppsInput{PageSize: aws.String("100"), Token: token})
		if err != nil {
			return Application{}, false, fault.AWS(service, "list applications", err)
		}
		if out.ApplicationsResponse == nil {
			return app, found, nil
		}
		for _, item := range out.ApplicationsResponse.Item {
			if !matches(item.Tags) {
				continue
			}
			if a := application(&item); !found || a.ID < app.ID {
				app, found = a, true
			}
		}
		if token = out.ApplicationsResponse.NextToken; aws.ToString(token) == "" {
			return app, found, nil
		}
	}
}

// Create makes the owner's application, tagged from the start.
func Create(ctx context.Context, api API, owner ownership.Owner, tags map[string]string) (Application, error) {
	out, err := api.CreateApp(ctx, &pinpoint.CreateAppInput{CreateApplicationRequest: &types.CreateApplicationRequest{
		Name: aws.String("chatcluster-" + owner.UID),
		Tags: all(owner, tags),
	}})
	if err != nil {
		return Application{}, fault.AWS(service, "create application", err)
	}
	return application(out.ApplicationResponse), nil
}

// Update sets the tags that the application lacks and tells whether there were any.
func Update(ctx context.Context, api API, owner ownership.Owner, tags map[string]string, app Application) (bool, error) {
	missing := map[string]string{}
	for k, v := range all(owner, tags) {
		if app.Tags[k] != v {
			missing[k] = v
		}
	}
	if len(missing) == 0 {
		return false, nil
	}
	_, err := api.TagResource(ctx, &pinpoint.TagResourceInput{ResourceArn: aws.String(app.ARN), TagsModel: &types.TagsModel{Tags: missing}})
	return true, fault.AWS(service, "tag application "+app.ID, err)
}

// Delete deletes an application. That it is gone already is no error.
func Delete(ctx context.Context, api API, app Application) error {
	_, err := api.DeleteApp(ctx, &pinpoint.DeleteAppInput{ApplicationId: aws.String(app.ID)})
	var notFound *types.NotFoundException
	if errors.As(err, &notFound) {
		return nil
	}
	return fault.AWS(service, "delete application "+app.ID, err)
}

// Release removes the owner's UID and leaves the application. The name of its last owner stays: an application's own name
// cannot be changed, and nothing else would tell which one it is.
func Release(ctx context.Context, api API, app Application) error {
	_, err := api.UntagResource(ctx, &pinpoint.UntagResourceInput{ResourceArn: aws.String(app.ARN), TagKeys: []string{ownership.TagUID}})
	var notFound *types.NotFoundException
	if errors.As(err, &notFound) {
		return nil
	}
	return fault.AWS(service, "release application "+app.ID, err)
}

func all(owner ownership.Owner, tags map[string]string) map[string]string {
	merged := maps.Clone(tags)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, owner.Tags())
	return merged
}

func application(r *types.ApplicationResponse) Application {
	if r == nil {
		return Application{}
	}
	return Application{ID: aws.ToString(r.Id), ARN: aws.ToString(r.Arn), Tags: r.Tags}
}
