package pinpoint

import (
	"cmp"
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// Keys of Secrets, where the spec does not say or may not.
const (
	defaultAPNSKey           = "key.p8"
	defaultServiceAccountKey = "service-account.json"

	admClientIDKey     = "clientID"
	admClientSecretKey = "clientSecret"
)

// Reader reads a key of a Secret, without its trailing newline; a reference without a name is an empty text.
type Reader func(ctx context.Context, ref v1alpha1.SecretKey) (string, error)

// ReadCredentials reads the Secrets of the channels that are asked for.
func ReadCredentials(ctx context.Context, c v1alpha1.ChannelsSpec, read Reader) (map[Platform]Credentials, error) {
	found := map[Platform]Credentials{}
	for _, apple := range []struct {
		platform Platform
		spec     *v1alpha1.APNSChannel
	}{{APNS, c.APNS}, {APNSSandbox, c.APNSSandbox}, {APNSVoIP, c.APNSVoIP}, {APNSVoIPSandbox, c.APNSVoIPSandbox}} {
		if apple.spec == nil {
			continue
		}
		credentials, err := apnsCredentials(ctx, apple.spec, read)
		if err != nil {
			return nil, err
		}
		found[apple.platform] = credentials
	}
	if c.FCM != nil {
		account, err := read(ctx, withKey(c.FCM.ServiceAccountSecret, defaultServiceAccountKey))
		if err != nil {
			return nil, err
		}
		found[FCM] = Credentials{ServiceJSON: account}
	}
	if c.ADM != nil {
		id, idErr := read(ctx, v1alpha1.SecretKey{Name: c.ADM.SecretName, Key: admClientIDKey})
		secret, secretErr := read(ctx, v1alpha1.SecretKey{Name: c.ADM.SecretName, Key: admClientSecretKey})
		if err := errors.Join(idErr, secretErr); err != nil {
			return nil, err
		}
		found[ADM] = Credentials{ClientID: id, ClientSecret: secret}
	}
	return found, nil
}

// SecretNames are the Secrets that ReadCredentials reads, in no order; some may be named twice.
func SecretNames(c v1alpha1.ChannelsSpec) []string {
	var names []string
	note := func(_ context.Context, ref v1alpha1.SecretKey) (string, error) {
		if ref.Name != "" {
			names = append(names, ref.Name)
		}
		return "", nil
	}
	_, _ = ReadCredentials(context.Background(), c, note) // note never fails
	return names
}

func apnsCredentials(ctx context.Context, c *v1alpha1.APNSChannel, read Reader) (Credentials, error) {
	if t := c.Token; t != nil {
		key, err := read(ctx, withKey(t.KeySecret, defaultAPNSKey))
		return Credentials{TokenKey: key, TokenKeyID: t.KeyID, TeamID: t.TeamID, BundleID: t.BundleID}, err
	}
	if c.Certificate == nil {
		return Credentials{}, nil
	}
	cert, certErr := read(ctx, v1alpha1.SecretKey{Name: c.Certificate.SecretName, Key: corev1.TLSCertKey})
	key, keyErr := read(ctx, v1alpha1.SecretKey{Name: c.Certificate.SecretName, Key: corev1.TLSPrivateKeyKey})
	return Credentials{Certificate: cert, PrivateKey: key}, errors.Join(certErr, keyErr)
}

func withKey(ref v1alpha1.SecretKey, key string) v1alpha1.SecretKey {
	ref.Key = cmp.Or(ref.Key, key)
	return ref
}
