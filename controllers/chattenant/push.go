package chattenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// retrySecret is when to look again for a Secret that is missing, should no watch tell of it.
const retrySecret = time.Minute

// push makes sure of the tenant's own push application, where it is to have one, and of its channels. Without one it removes what is left
// of one that was. The record says which it is once keepRecord has written it: who is here holds the claims.
func (s *scope) push(ctx context.Context) finding {
	want, have := s.ct.Spec.Push, s.ct.Status.Push.ApplicationID
	switch {
	case want == nil && have == "":
		return finding{}
	case want == nil:
		return s.dropPush(ctx, pinpoint.Delete)
	case have == "" && !s.cc.Spec.Tenants.OwnPush:
		return failed(fault.Terminal(v1alpha1.ReasonNotAllowed,
			"ChatCluster %s does not allow tenants push applications of their own: ask its owner to set spec.tenants.ownPush, or leave out spec.push", clusterKey(s.ct)))
	}
	credentials, err := pinpoint.ReadCredentials(ctx, want.Channels, s.readSecret)
	if err != nil {
		return missing(err)
	}
	account, err := s.Clusters.Push(ctx, s.cc)
	if err != nil {
		return failed(err)
	}
	app, err := s.application(ctx, account)
	if err != nil {
		return failed(err)
	}
	states, changed, err := pinpoint.EnsureChannels(ctx, account.API, app, credentials)
	if len(changed) > 0 {
		s.event("PushChannelsChanged", "UpdateChannels", "Set or deleted channels of push application %s: %v", app.ID, changed)
	}
	if err != nil {
		return failed(err)
	}
	status := v1alpha1.PushStatus{ApplicationID: app.ID}
	var disabled []string
	for _, c := range states {
		status.Channels = append(status.Channels, v1alpha1.ChannelStatus{Platform: string(c.Platform), Enabled: c.Enabled})
		if !c.Enabled {
			disabled = append(disabled, string(c.Platform))
		}
	}
	s.ct.Status.Push = status
	switch {
	case len(disabled) > 0:
		return failed(fault.Terminal(v1alpha1.ReasonChannelDisabled,
			"channels of push application %s are disabled: %s. AWS disables a channel whose credentials were refused: renew them in the Secret", app.ID, strings.Join(disabled, ", ")))
	case have != app.ID:
		return pending(v1alpha1.ReasonProgressing, "push application "+app.ID+" is there, and is taken into the tenant's record", afterStep)
	}
	return finding{}
}

// application is the tenant's: the one that it has, the one that a deleted ChatTenant of its name retained, or else a new one.
func (s *scope) application(ctx context.Context, account pinpoint.Account) (pinpoint.Application, error) {
	owner := s.pushOwner(account)
	app, found, err := pinpoint.Observe(ctx, account.API, owner, s.ct.Status.Push.ApplicationID)
	if err == nil && !found {
		app, found, err = pinpoint.Retained(ctx, account.API, owner)
	}
	switch {
	case err != nil:
		return app, err
	case found:
		_, err = pinpoint.Update(ctx, account.API, owner, account.Tags, app)
		return app, err
	}
	if app, err = pinpoint.Create(ctx, account.API, owner, account.Tags); err == nil {
		s.event("PushApplicationCreated", "CreateApp", "Created push application %s", app.ID)
	}
	return app, err
}

// pushOwner is the tenant, in the tags of its application. No ChatCluster has a name with a slash.
func (s *scope) pushOwner(account pinpoint.Account) ownership.Owner {
	return ownership.Owner{Operator: account.Operator, Namespace: s.ct.Namespace, Name: "tenant/" + s.ct.Name, UID: string(s.ct.UID)}
}

// dropPush lets go of the tenant's application, if it has one: by pinpoint.Delete or pinpoint.Release.
func (s *scope) dropPush(ctx context.Context, how func(context.Context, pinpoint.API, pinpoint.Application) error) finding {
	if s.ct.Status.Push.ApplicationID == "" && s.ct.Spec.Push == nil {
		return finding{}
	}
	account, err := s.Clusters.Push(ctx, s.cc)
	if err != nil {
		return failed(err)
	}
	app, found, err := pinpoint.Observe(ctx, account.API, s.pushOwner(account), s.ct.Status.Push.ApplicationID)
	if err == nil && found {
		err = how(ctx, account.API, app)
	}
	if err != nil {
		return failed(err)
	}
	s.ct.Status.Push = v1alpha1.PushStatus{}
	return finding{}
}

// missingSecretError says that a Secret of the tenant's is not there. It may be coming.
type missingSecretError struct{ namespace, name, key string }

func (m *missingSecretError) Error() string {
	return fmt.Sprintf("waits for Secret %s/%s with key %q", m.namespace, m.name, m.key)
}

func missing(err error) finding {
	if m, ok := errors.AsType[*missingSecretError](err); ok {
		return pending(v1alpha1.ReasonPending, m.Error(), retrySecret)
	}
	return failed(err)
}

// readSecret reads a key of a Secret in the tenant's namespace, past the cache: the operator keeps no copies of Secrets, and watches their metadata alone.
func (s *scope) readSecret(ctx context.Context, ref v1alpha1.SecretKey) (string, error) {
	if ref.Name == "" {
		return "", nil
	}
	var secret corev1.Secret
	err := s.APIReader.Get(ctx, types.NamespacedName{Namespace: s.ct.Namespace, Name: ref.Name}, &secret)
	switch {
	case apierrors.IsNotFound(err), err == nil && len(secret.Data[ref.Key]) == 0:
		return "", &missingSecretError{s.ct.Namespace, ref.Name, ref.Key}
	case err != nil:
		return "", fault.Transient(v1alpha1.ReasonError, "read Secret %s/%s: %s", s.ct.Namespace, ref.Name, apierrors.ReasonForError(err))
	}
	return strings.TrimRight(string(secret.Data[ref.Key]), "\r\n"), nil
}
