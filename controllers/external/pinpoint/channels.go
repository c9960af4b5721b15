package pinpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"

	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// Platform is whose devices a channel reaches.
type Platform string

// Platforms, by Pinpoint's names.
const (
	APNS            Platform = "APNS"
	APNSSandbox     Platform = "APNS_SANDBOX"
	APNSVoIP        Platform = "APNS_VOIP"
	APNSVoIPSandbox Platform = "APNS_VOIP_SANDBOX"
	FCM             Platform = "GCM"
	ADM             Platform = "ADM"
)

// Platforms are all of them, always in the same order.
func Platforms() []Platform {
	return []Platform{APNS, APNSSandbox, APNSVoIP, APNSVoIPSandbox, FCM, ADM}
}

// Credentials are what a platform knows the sender by: an APNs key, an APNs certificate, a service account, or a client.
type Credentials struct {
	// APNs, by key.
	TokenKey, TokenKeyID, TeamID, BundleID string
	// APNs, by certificate.
	Certificate, PrivateKey string
	// FCM.
	ServiceJSON string
	// ADM.
	ClientID, ClientSecret string
}

// fingerprint tells credentials apart and gives none away.
func (c Credentials) fingerprint() (string, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]), nil
}

// Channel is what Pinpoint tells of one. It does not tell credentials.
type Channel struct {
	Enabled bool
	// Version grows with each change.
	Version int32
}

// ChannelState is what a wanted channel was found to be.
type ChannelState struct {
	Platform Platform
	Enabled  bool
}

// tagChannel on an application is what the operator gave to a channel: the credentials' fingerprint, and the channel's
// version since.
const tagChannel = "chatcluster.io/channel."

func channelTag(p Platform) string { return tagChannel + strings.ToLower(string(p)) }

// EnsureChannels brings the application's channels to what is wanted, and tells how they are and which it changed. A channel
// that was changed behind the operator's back is set again. One that is disabled stays so until it gets other credentials:
// Pinpoint disables what the platform refuses. A channel that is not wanted is deleted when the operator made it.
func EnsureChannels(ctx context.Context, api API, app Application, wanted map[Platform]Credentials) (states []ChannelState, changed []Platform, err error) {
	var errs []error
	for _, p := range Platforms() {
		credentials, want := wanted[p]
		recorded, made := app.Tags[channelTag(p)]
		switch {
		case want:
			state, did, err := ensureChannel(ctx, api, app, p, credentials, recorded)
			if err != nil {
				errs = append(errs, fault.AWS(service, "channel "+string(p), err))
				continue
			}
			states = append(states, ChannelState{p, state.Enabled})
			if did {
				changed = append(changed, p)
			}
		case made:
			if err := deleteChannel(ctx, api, app, p); err != nil {
				errs = append(errs, fault.AWS(service, "delete channel "+string(p), err))
				continue
			}
			changed = append(changed, p)
		}
	}
	return states, changed, errors.Join(errs...)
}

func ensureChannel(ctx context.Context, api API, app Application, p Platform, credentials Credentials, recorded string) (state Channel, changed bool, err error) {
	fingerprint, err := credentials.fingerprint()
	if err != nil {
		return Channel{}, false, err
	}
	state, found, err := api.Channel(ctx, app.ID, p)
	if err != nil {
		return state, false, err
	}
	given, version, _ := strings.Cut(recorded, ".")
	if found && given == fingerprint && (version == fmt.Sprint(state.Version) || !state.Enabled) {
		return state, false, nil
	}
	if state, err = api.SetChannel(ctx, app.ID, p, credentials); err != nil {
		return state, false, err
	}
	_, err = api.TagResource(ctx, &pinpoint.TagResourceInput{ResourceArn: aws.String(app.ARN), TagsModel: &types.TagsModel{
		Tags: map[string]string{channelTag(p): fmt.Sprintf("%s.%d", fingerprint, state.Version)},
	}})
	return state, true, err
}

func deleteChannel(ctx context.Context, api API, app Application, p Platform) error {
	var notFound *types.NotFoundException
	if err := api.DeleteChannel(ctx, app.ID, p); err != nil && !errors.As(err, &notFound) {
		return err
	}
	_, err := api.UntagResource(ctx, &pinpoint.UntagResourceInput{ResourceArn: aws.String(app.ARN), TagKeys: []string{channelTag(p)}})
	return err
}
