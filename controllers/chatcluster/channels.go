package chatcluster

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// Keys of the Secret of an ADM channel.
const (
	admClientIDKey     = "clientID"
	admClientSecretKey = "clientSecret"
)

// channelCredentials reads the Secrets of the channels that the spec asks for.
func (s *scope) channelCredentials(ctx context.Context) (map[pinpoint.Platform]pinpoint.Credentials, error) {
	c := s.spec.Pinpoint.Channels
	found := map[pinpoint.Platform]pinpoint.Credentials{}
	for _, apple := range []struct {
		platform pinpoint.Platform
		spec     *v1alpha1.APNSChannel
	}{{pinpoint.APNS, c.APNS}, {pinpoint.APNSSandbox, c.APNSSandbox}, {pinpoint.APNSVoIP, c.APNSVoIP}, {pinpoint.APNSVoIPSandbox, c.APNSVoIPSandbox}} {
		if apple.spec == nil {
			continue
		}
		credentials, err := s.apnsCredentials(ctx, apple.spec)
		if err != nil {
			return nil, err
		}
		found[apple.platform] = credentials
	}
	if c.FCM != nil {
		account, err := s.text(ctx, c.FCM.ServiceAccountSecret)
		if err != nil {
			return nil, err
		}
		found[pinpoint.FCM] = pinpoint.Credentials{ServiceJSON: account}
	}
	if c.ADM != nil {
		id, idErr := s.text(ctx, v1alpha1.SecretKey{Name: c.ADM.SecretName, Key: admClientIDKey})
		secret, secretErr := s.text(ctx, v1alpha1.SecretKey{Name: c.ADM.SecretName, Key: admClientSecretKey})
		if err := errors.Join(idErr, secretErr); err != nil {
			return nil, err
		}
		found[pinpoint.ADM] = pinpoint.Credentials{ClientID: id, ClientSecret: secret}
	}
	return found, nil
}

func (s *scope) apnsCredentials(ctx context.Context, c *v1alpha1.APNSChannel) (pinpoint.Credentials, error) {
	if t := c.Token; t != nil {
		key, err := s.text(ctx, t.KeySecret)
		return pinpoint.Credentials{TokenKey: key, TokenKeyID: t.KeyID, TeamID: t.TeamID, BundleID: t.BundleID}, err
	}
	if c.Certificate == nil {
		return pinpoint.Credentials{}, nil
	}
	cert, certErr := s.text(ctx, v1alpha1.SecretKey{Name: c.Certificate.SecretName, Key: corev1.TLSCertKey})
	key, keyErr := s.text(ctx, v1alpha1.SecretKey{Name: c.Certificate.SecretName, Key: corev1.TLSPrivateKeyKey})
	return pinpoint.Credentials{Certificate: cert, PrivateKey: key}, errors.Join(certErr, keyErr)
}
