package pinpoint

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
)

// Client is the SDK's client with one set of calls for all channels: the SDK has its own for each platform.
type Client struct{ *pinpoint.Client }

var _ API = Client{}

// calls are a platform's.
type calls struct {
	get    func(ctx context.Context, c *pinpoint.Client, app *string) (Channel, error)
	set    func(ctx context.Context, c *pinpoint.Client, app *string, with Credentials) (Channel, error)
	remove func(ctx context.Context, c *pinpoint.Client, app *string) error
}

// methods of APNs: by key or by certificate.
const (
	methodToken       = "TOKEN"
	methodCertificate = "CERTIFICATE"
)

// apns is the request for any of Apple's channels: they differ in name alone.
func apns(c Credentials) types.APNSChannelRequest {
	r := types.APNSChannelRequest{Enabled: aws.Bool(true), DefaultAuthenticationMethod: aws.String(methodToken)}
	if c.TokenKey != "" {
		r.TokenKey, r.TokenKeyId, r.TeamId, r.BundleId = &c.TokenKey, &c.TokenKeyID, &c.TeamID, &c.BundleID
		return r
	}
	r.DefaultAuthenticationMethod = aws.String(methodCertificate)
	r.Certificate, r.PrivateKey = &c.Certificate, &c.PrivateKey
	return r
}

var platforms = map[Platform]calls{
	APNS: {
		get: func(ctx context.Context, c *pinpoint.Client, app *string) (Channel, error) {
			out, err := c.GetApnsChannel(ctx, &pinpoint.GetApnsChannelInput{ApplicationId: app})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		set: func(ctx context.Context, c *pinpoint.Client, app *string, with Credentials) (Channel, error) {
			in := apns(with)
			out, err := c.UpdateApnsChannel(ctx, &pinpoint.UpdateApnsChannelInput{ApplicationId: app, APNSChannelRequest: &in})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		remove: func(ctx context.Context, c *pinpoint.Client, app *string) error {
			_, err := c.DeleteApnsChannel(ctx, &pinpoint.DeleteApnsChannelInput{ApplicationId: app})
			return err
		},
	},
	APNSSandbox: {
		get: func(ctx context.Context, c *pinpoint.Client, app *string) (Channel, error) {
			out, err := c.GetApnsSandboxChannel(ctx, &pinpoint.GetApnsSandboxChannelInput{ApplicationId: app})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSSandboxChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		set: func(ctx context.Context, c *pinpoint.Client, app *string, with Credentials) (Channel, error) {
			in := types.APNSSandboxChannelRequest(apns(with))
			out, err := c.UpdateApnsSandboxChannel(ctx, &pinpoint.UpdateApnsSandboxChannelInput{ApplicationId: app, APNSSandboxChannelRequest: &in})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSSandboxChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		remove: func(ctx context.Context, c *pinpoint.Client, app *string) error {
			_, err := c.DeleteApnsSandboxChannel(ctx, &pinpoint.DeleteApnsSandboxChannelInput{ApplicationId: app})
			return err
		},
	},
	APNSVoIP: {
		get: func(ctx context.Context, c *pinpoint.Client, app *string) (Channel, error) {
			out, err := c.GetApnsVoipChannel(ctx, &pinpoint.GetApnsVoipChannelInput{ApplicationId: app})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSVoipChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		set: func(ctx context.Context, c *pinpoint.Client, app *string, with Credentials) (Channel, error) {
			in := types.APNSVoipChannelRequest(apns(with))
			out, err := c.UpdateApnsVoipChannel(ctx, &pinpoint.UpdateApnsVoipChannelInput{ApplicationId: app, APNSVoipChannelRequest: &in})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSVoipChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		remove: func(ctx context.Context, c *pinpoint.Client, app *string) error {
			_, err := c.DeleteApnsVoipChannel(ctx, &pinpoint.DeleteApnsVoipChannelInput{ApplicationId: app})
			return err
		},
	},
	APNSVoIPSandbox: {
		get: func(ctx context.Context, c *pinpoint.Client, app *string) (Channel, error) {
			out, err := c.GetApnsVoipSandboxChannel(ctx, &pinpoint.GetApnsVoipSandboxChannelInput{ApplicationId: app})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSVoipSandboxChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		set: func(ctx context.Context, c *pinpoint.Client, app *string, with Credentials) (Channel, error) {
			in := types.APNSVoipSandboxChannelRequest(apns(with))
			out, err := c.UpdateApnsVoipSandboxChannel(ctx, &pinpoint.UpdateApnsVoipSandboxChannelInput{ApplicationId: app, APNSVoipSandboxChannelRequest: &in})
			if err != nil {
				return Channel{}, err
			}
			r := out.APNSVoipSandboxChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		remove: func(ctx context.Context, c *pinpoint.Client, app *string) error {
			_, err := c.DeleteApnsVoipSandboxChannel(ctx, &pinpoint.DeleteApnsVoipSandboxChannelInput{ApplicationId: app})
			return err
		},
	},
	FCM: {
		get: func(ctx context.Context, c *pinpoint.Client, app *string) (Channel, error) {
			out, err := c.GetGcmChannel(ctx, &pinpoint.GetGcmChannelInput{ApplicationId: app})
			if err != nil {
				return Channel{}, err
			}
			r := out.GCMChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		set: func(ctx context.Context, c *pinpoint.Client, app *string, with Credentials) (Channel, error) {
			out, err := c.UpdateGcmChannel(ctx, &pinpoint.UpdateGcmChannelInput{ApplicationId: app, GCMChannelRequest: &types.GCMChannelRequest{
				Enabled: aws.Bool(true), DefaultAuthenticationMethod: aws.String(methodToken), ServiceJson: &with.ServiceJSON,
			}})
			if err != nil {
				return Channel{}, err
			}
			r := out.GCMChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		remove: func(ctx context.Context, c *pinpoint.Client, app *string) error {
			_, err := c.DeleteGcmChannel(ctx, &pinpoint.DeleteGcmChannelInput{ApplicationId: app})
			return err
		},
	},
	ADM: {
		get: func(ctx context.Context, c *pinpoint.Client, app *string) (Channel, error) {
			out, err := c.GetAdmChannel(ctx, &pinpoint.GetAdmChannelInput{ApplicationId: app})
			if err != nil {
				return Channel{}, err
			}
			r := out.ADMChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		set: func(ctx context.Context, c *pinpoint.Client, app *string, with Credentials) (Channel, error) {
			out, err := c.UpdateAdmChannel(ctx, &pinpoint.UpdateAdmChannelInput{ApplicationId: app, ADMChannelRequest: &types.ADMChannelRequest{
				Enabled: aws.Bool(true), ClientId: &with.ClientID, ClientSecret: &with.ClientSecret,
			}})
			if err != nil {
				return Channel{}, err
			}
			r := out.ADMChannelResponse
			return channel(r.Enabled, r.Version), nil
		},
		remove: func(ctx context.Context, c *pinpoint.Client, app *string) error {
			_, err := c.DeleteAdmChannel(ctx, &pinpoint.DeleteAdmChannelInput{ApplicationId: app})
			return err
		},
	},
}

func channel(enabled *bool, version *int32) Channel {
	return Channel{Enabled: aws.ToBool(enabled), Version: aws.ToInt32(version)}
}

func callsOf(p Platform) (calls, error) {
	c, ok := platforms[p]
	if !ok {
		return c, fmt.Errorf("no channel of platform %s", p)
	}
	return c, nil
}

// Channel implements API.
func (c Client) Channel(ctx context.Context, app string, p Platform) (state Channel, found bool, err error) {
	calls, err := callsOf(p)
	if err != nil {
		return Channel{}, false, err
	}
	state, err = calls.get(ctx, c.Client, &app)
	var notFound *types.NotFoundException
	if errors.As(err, &notFound) {
		return Channel{}, false, nil
	}
	return state, err == nil, err
}

// SetChannel implements API.
func (c Client) SetChannel(ctx context.Context, app string, p Platform, with Credentials) (Channel, error) {
	calls, err := callsOf(p)
	if err != nil {
		return Channel{}, err
	}
	return calls.set(ctx, c.Client, &app, with)
}

// DeleteChannel implements API.
func (c Client) DeleteChannel(ctx context.Context, app string, p Platform) error {
	calls, err := callsOf(p)
	if err != nil {
		return err
	}
	return calls.remove(ctx, c.Client, &app)
}
