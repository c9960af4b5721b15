package chatcluster

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/pki"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

const (
	// componentCertificates is the component of the Secrets with certificates.
	componentCertificates = "certificates"
	// annotationTrustsSince on a role's Secret is since when pods can trust the youngest of its CAs.
	annotationTrustsSince = "chatcluster.io/trusts-since"
	// annotationCertManager on a Secret names the Certificate that it was made for.
	annotationCertManager = "cert-manager.io/certificate-name"

	authorityCert, authorityKey = "ca.crt", "ca.key"
)

// certificates sees that gateways and chat pods have certificates: of the ChatCluster's own CA, or of a cert-manager issuer.
// What is in place is looked at again when a step of a rotation is due, or when somebody has changed it.
func (s *scope) certificates(ctx context.Context) {
	ref := s.spec.InternalTLS.IssuerRef
	roles := s.cluster.SecuredRoles()
	if ref == nil || len(roles) == 0 {
		for _, role := range []string{workload.RoleChat, workload.RoleGateway} {
			if err := s.removeOptional(ctx, workload.CertificateKind, s.cluster.ChildName(role)); err != nil {
				s.facts.certificates = failed(err)
				return
			}
		}
	}
	if len(roles) == 0 {
		return
	}
	type wish struct {
		InternalTLS v1alpha1.InternalTLSSpec
		Versions    string
	}
	names := []string{s.cluster.AuthorityName()}
	for _, role := range roles {
		names = append(names, s.cluster.CertificateName(role))
	}
	versions, err := s.versions(ctx, names...)
	if err != nil {
		s.facts.certificates = failed(err)
		return
	}
	wanted := wish{s.spec.InternalTLS, versions}
	if _, ok := s.memo.get(s.cc.UID, "certificates", wanted); ok {
		return
	}
	again := jitter(s.Options.ObserveEvery / 5) // nobody tells what becomes of Certificates
	if ref == nil {
		var due time.Time
		wanted.Versions, due, err = s.mint(ctx, roles)
		s.facts.certificates = failed(err)
		again = min(due.Sub(s.memo.now()), rememberVersions)
	} else {
		s.facts.certificates = s.orderCertificates(ctx, roles)
	}
	if s.facts.certificates.ready() {
		s.memo.put(s.cc.UID, "certificates", wanted, nil, again)
	}
}

// mint makes the next step of the ChatCluster's own certificates, and returns the versions of the Secrets then and when the step after it is due.
func (s *scope) mint(ctx context.Context, roles []string) (versions string, due time.Time, err error) {
	authority, err := s.certificateSecret(ctx, s.cluster.AuthorityName())
	if err != nil {
		return "", due, err
	}
	secrets := map[string]*corev1.Secret{}
	have := pki.State{Authority: pki.Pair{Cert: authority.Data[authorityCert], Key: authority.Data[authorityKey]}, Leaves: map[string]pki.Leaf{}}
	wishes := map[string]pki.Wish{}
	for _, role := range roles {
		secret, err := s.certificateSecret(ctx, s.cluster.CertificateName(role))
		if err != nil {
			return "", due, err
		}
		secrets[role] = secret
		// A time that cannot be read is none: then it begins anew.
		since, _ := time.Parse(time.RFC3339, secret.Annotations[annotationTrustsSince])
		have.Leaves[role] = pki.Leaf{
			Pair:  pki.Pair{Cert: secret.Data[workload.CertificateFile], Key: secret.Data[workload.KeyFile]},
			Trust: secret.Data[workload.CAFile], Since: since,
		}
		// Chat pods serve gateways and each other.
		usages := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		if role == workload.RoleGateway {
			usages = usages[1:]
		}
		wishes[role] = pki.Wish{Host: s.cluster.CertificateHost(role), Usages: usages}
	}
	next, err := pki.Next(s.memo.now(), s.cc.Namespace+"/"+s.cc.Name, wishes, have)
	if err != nil {
		return "", due, err
	}
	// The CA goes first: a certificate whose CA's key is nowhere would be replaced at once.
	err = s.putCertificates(ctx, authority, corev1.SecretTypeOpaque, "", map[string][]byte{authorityCert: next.Authority.Cert, authorityKey: next.Authority.Key})
	for _, role := range roles {
		if err != nil {
			return "", due, err
		}
		leaf := next.Leaves[role]
		err = s.putCertificates(ctx, secrets[role], corev1.SecretTypeTLS, leaf.Since.Format(time.RFC3339), map[string][]byte{
			workload.CertificateFile: leaf.Cert, workload.KeyFile: leaf.Key, workload.CAFile: leaf.Trust,
		})
	}
	if err == nil && !bytes.Equal(have.Authority.Cert, next.Authority.Cert) {
		s.event("AuthorityCreated", "Mint", "Made a CA for the certificates between gateways and chat pods")
	}
	versions = version(authority)
	for _, role := range roles {
		versions += version(secrets[role])
	}
	return versions, pki.Due(s.memo.now(), next), err
}

// certificateSecret reads a Secret past the cache, which knows Secrets by name alone. One that is not there is empty. If the cache is
// behind and it is there all the same, making it fails, and the next pass reads it.
func (s *scope) certificateSecret(ctx context.Context, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: s.cc.Namespace, Name: name}
	known := &metav1.PartialObjectMetadata{}
	known.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := s.Get(ctx, key, known)
	if err == nil || apierrors.IsNotFound(err) && s.seen.has(s.cc.UID, idOf(secret, name)) {
		err = s.APIReader.Get(ctx, key, secret)
	}
	if apierrors.IsNotFound(err) {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.cc.Namespace, Name: name}}, nil
	}
	if err != nil {
		return nil, kubernetes("get Secret "+name, err)
	}
	// Those that cert-manager made for this ChatCluster are taken over when the issuer is taken out of the spec.
	for _, role := range s.cluster.SecuredRoles() {
		if name == s.cluster.CertificateName(role) && secret.Annotations[annotationCertManager] == s.cluster.ChildName(role) {
			return secret, nil
		}
	}
	return secret, s.mine(secret, "Secret "+name)
}

// putCertificates writes a Secret when that changes something. It is written as a whole, and only as long as nobody else has
// written it since it was read: of two operators that mint at the same time one starts again.
func (s *scope) putCertificates(ctx context.Context, secret *corev1.Secret, kind corev1.SecretType, since string, data map[string][]byte) error {
	before := secret.DeepCopy()
	secret.Data = data
	if secret.Labels == nil {
		secret.Labels = map[string]string{}
	}
	maps.Copy(secret.Labels, s.cluster.Labels(componentCertificates))
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	if since != "" {
		secret.Annotations[annotationTrustsSince] = since
	}
	delete(secret.Annotations, annotationCertManager)
	if err := controllerutil.SetControllerReference(s.cc, secret, s.Scheme()); err != nil {
		return fmt.Errorf("own Secret %s: %w", secret.Name, err)
	}
	if equality.Semantic.DeepEqual(before, secret) {
		return nil
	}
	if s.planApply("Secret "+secret.Name, secret.ResourceVersion != "", []string{"its data"}); s.plan != nil {
		return nil
	}
	if secret.ResourceVersion == "" {
		secret.Type = kind
		err := s.Create(ctx, secret, FieldOwner)
		switch {
		case err == nil:
			s.seen.note(s.cc.UID, idOf(secret, secret.Name), nil, nil)
		case apierrors.IsAlreadyExists(err):
			// The cache is behind: now all of them are looked up past it.
			for _, name := range []string{s.cluster.AuthorityName(), s.cluster.CertificateName(workload.RoleChat), s.cluster.CertificateName(workload.RoleGateway)} {
				s.seen.note(s.cc.UID, idOf(secret, name), nil, nil)
			}
		}
		return kubernetes("create Secret "+secret.Name, err)
	}
	return kubernetes("update Secret "+secret.Name, s.Update(ctx, secret, FieldOwner))
}

// orderCertificates has cert-manager make the certificates, and waits for them.
func (s *scope) orderCertificates(ctx context.Context, roles []string) fact {
	for _, role := range roles {
		_, served, err := s.applyOptional(ctx, workload.CertificateKind, s.cluster.Certificate(role))
		if err != nil {
			return failed(err)
		}
		if !served {
			return failed(fault.Terminal(v1alpha1.ReasonNotInstalled,
				"internalTLS.issuerRef: this Kubernetes cluster does not know Certificates (cert-manager.io/v1): install cert-manager, or leave issuerRef out"))
		}
	}
	for _, role := range roles {
		for _, key := range []string{workload.CertificateFile, workload.KeyFile, workload.CAFile} {
			_, err := s.secret(ctx, s.cluster.CertificateName(role), key)
			var missing *missingSecretError
			if errors.As(err, &missing) && key == workload.CAFile {
				return pending(v1alpha1.ReasonPending, missing.Error()+", which the issuer must give", retrySecret)
			}
			if err != nil {
				return secretFact(err)
			}
		}
	}
	return fact{}
}
