package sink_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"

	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

// ops are a channel's three calls, with what all of their responses have.
type ops struct {
	platform string
	get      func() (platform *string, enabled *bool, err error)
	update   func() error
	del      func() error
}

func channelOps(t *testing.T, c *pinpoint.Client, app *string) []ops {
	ctx := t.Context()
	apns := &types.APNSChannelRequest{
		BundleId: aws.String("io.chat"), TeamId: aws.String("TEAM"), TokenKey: aws.String("key"), TokenKeyId: aws.String("id"),
		DefaultAuthenticationMethod: aws.String("TOKEN"), Enabled: aws.Bool(true),
	}
	return []ops{
		{"APNS", func() (*string, *bool, error) {
			o, err := c.GetApnsChannel(ctx, &pinpoint.GetApnsChannelInput{ApplicationId: app})
			if err != nil {
				return nil, nil, err
			}
			return o.APNSChannelResponse.Platform, o.APNSChannelResponse.HasTokenKey, nil
		}, func() error {
			_, err := c.UpdateApnsChannel(ctx, &pinpoint.UpdateApnsChannelInput{ApplicationId: app, APNSChannelRequest: apns})
			return err
		}, func() error {
			_, err := c.DeleteApnsChannel(ctx, &pinpoint.DeleteApnsChannelInput{ApplicationId: app})
			return err
		}},
		{"APNS_SANDBOX", func() (*string, *bool, error) {
			o, err := c.GetApnsSandboxChannel(ctx, &pinpoint.GetApnsSandboxChannelInput{ApplicationId: app})
			if err != nil {
				return nil, nil, err
			}
			return o.APNSSandboxChannelResponse.Platform, o.APNSSandboxChannelResponse.HasTokenKey, nil
		}, func() error {
			r := types.APNSSandboxChannelRequest{BundleId: apns.BundleId, TeamId: apns.TeamId, TokenKey: apns.TokenKey, TokenKeyId: apns.TokenKeyId}
			_, err := c.UpdateApnsSandboxChannel(ctx, &pinpoint.UpdateApnsSandboxChannelInput{ApplicationId: app, APNSSandboxChannelRequest: &r})
			return err
		}, func() error {
			_, err := c.DeleteApnsSandboxChannel(ctx, &pinpoint.DeleteApnsSandboxChannelInput{ApplicationId: app})
			return err
		}},
		{"APNS_VOIP", func() (*string, *bool, error) {
			o, err := c.GetApnsVoipChannel(ctx, &pinpoint.GetApnsVoipChannelInput{ApplicationId: app})
			if err != nil {
				return nil, nil, err
			}
			return o.APNSVoipChannelResponse.Platform, o.APNSVoipChannelResponse.HasTokenKey, nil
		}, func() error {
			r := types.APNSVoipChannelRequest{BundleId: apns.BundleId, TeamId: apns.TeamId, TokenKey: apns.TokenKey, TokenKeyId: apns.TokenKeyId}
			_, err := c.UpdateApnsVoipChannel(ctx, &pinpoint.UpdateApnsVoipChannelInput{ApplicationId: app, APNSVoipChannelRequest: &r})
			return err
		}, func() error {
			_, err := c.DeleteApnsVoipChannel(ctx, &pinpoint.DeleteApnsVoipChannelInput{ApplicationId: app})
			return err
		}},
		{"APNS_VOIP_SANDBOX", func() (*string, *bool, error) {
			o, err := c.GetApnsVoipSandboxChannel(ctx, &pinpoint.GetApnsVoipSandboxChannelInput{ApplicationId: app})
			if err != nil {
				return nil, nil, err
			}
			return o.APNSVoipSandboxChannelResponse.Platform, o.APNSVoipSandboxChannelResponse.HasTokenKey, nil
		}, func() error {
			r := types.APNSVoipSandboxChannelRequest{BundleId: apns.BundleId, TeamId: apns.TeamId, TokenKey: apns.TokenKey, TokenKeyId: apns.TokenKeyId}
			_, err := c.UpdateApnsVoipSandboxChannel(ctx, &pinpoint.UpdateApnsVoipSandboxChannelInput{ApplicationId: app, APNSVoipSandboxChannelRequest: &r})
			return err
		}, func() error {
			_, err := c.DeleteApnsVoipSandboxChannel(ctx, &pinpoint.DeleteApnsVoipSandboxChannelInput{ApplicationId: app})
			return err
		}},
		{"GCM", func() (*string, *bool, error) {
			o, err := c.GetGcmChannel(ctx, &pinpoint.GetGcmChannelInput{ApplicationId: app})
			if err != nil {
				return nil, nil, err
			}
			return o.GCMChannelResponse.Platform, o.GCMChannelResponse.HasFcmServiceCredentials, nil
		}, func() error {
			_, err := c.UpdateGcmChannel(ctx, &pinpoint.UpdateGcmChannelInput{ApplicationId: app, GCMChannelRequest: &types.GCMChannelRequest{
				DefaultAuthenticationMethod: aws.String("TOKEN"), ServiceJson: aws.String(`{"project_id":"chat"}`), Enabled: aws.Bool(true),
			}})
			return err
		}, func() error {
			_, err := c.DeleteGcmChannel(ctx, &pinpoint.DeleteGcmChannelInput{ApplicationId: app})
			return err
		}},
		{"ADM", func() (*string, *bool, error) {
			o, err := c.GetAdmChannel(ctx, &pinpoint.GetAdmChannelInput{ApplicationId: app})
			if err != nil {
				return nil, nil, err
			}
			return o.ADMChannelResponse.Platform, o.ADMChannelResponse.Enabled, nil
		}, func() error {
			_, err := c.UpdateAdmChannel(ctx, &pinpoint.UpdateAdmChannelInput{ApplicationId: app, ADMChannelRequest: &types.ADMChannelRequest{
				ClientId: aws.String("id"), ClientSecret: aws.String("secret"), Enabled: aws.Bool(true),
			}})
			return err
		}, func() error {
			_, err := c.DeleteAdmChannel(ctx, &pinpoint.DeleteAdmChannelInput{ApplicationId: app})
			return err
		}},
	}
}

func TestEachChannelFromUpdateToDelete(t *testing.T) {
	c, _ := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	for _, o := range channelOps(t, c, app.Id) {
		t.Run(o.platform, func(t *testing.T) {
			absent := func(err error, when string) {
				t.Helper()
				if e := new(types.NotFoundException); !errors.As(err, &e) {
					t.Errorf("%s: %v, want a NotFoundException", when, err)
				}
			}
			_, _, err := o.get()
			absent(err, "get before the update")
			if err := o.update(); err != nil {
				t.Fatal(err)
			}
			platform, ok, err := o.get()
			if err != nil {
				t.Fatal(err)
			}
			if aws.ToString(platform) != o.platform || !aws.ToBool(ok) {
				t.Errorf("platform %q, credential %v; want %s and true", aws.ToString(platform), aws.ToBool(ok), o.platform)
			}
			if err := o.del(); err != nil {
				t.Fatal(err)
			}
			_, _, err = o.get()
			absent(err, "get after the delete")
			absent(o.del(), "a second delete")
		})
	}
}

func TestRefusedChannels(t *testing.T) {
	c, _ := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	cases := map[string]struct {
		reason string
		update func() error
	}{
		"GCMKey": {"Google ended server keys", func() error {
			_, err := c.UpdateGcmChannel(t.Context(), &pinpoint.UpdateGcmChannelInput{ApplicationId: app.Id, GCMChannelRequest: &types.GCMChannelRequest{ApiKey: aws.String("k")}})
			return err
		}},
		"GCMJunk": {"it is no service account", func() error {
			_, err := c.UpdateGcmChannel(t.Context(), &pinpoint.UpdateGcmChannelInput{ApplicationId: app.Id, GCMChannelRequest: &types.GCMChannelRequest{ServiceJson: aws.String("{}")}})
			return err
		}},
		"APNSHalf": {"a token key needs its id, team and bundle", func() error {
			_, err := c.UpdateApnsChannel(t.Context(), &pinpoint.UpdateApnsChannelInput{ApplicationId: app.Id, APNSChannelRequest: &types.APNSChannelRequest{TokenKey: aws.String("k")}})
			return err
		}},
		"Nothing": {"a new channel needs a credential", func() error {
			_, err := c.UpdateGcmChannel(t.Context(), &pinpoint.UpdateGcmChannelInput{ApplicationId: app.Id, GCMChannelRequest: &types.GCMChannelRequest{Enabled: aws.Bool(true)}})
			return err
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := tc.update()
			if e := new(types.BadRequestException); !errors.As(err, &e) {
				t.Errorf("%v, want a BadRequestException: %s", err, tc.reason)
			}
		})
	}
}
