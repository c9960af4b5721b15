package chatcluster

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
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/runtime/dial"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// External reaches the services outside Kubernetes. No function blocks; the clients' calls do.
type External struct {
	DynamoDB func(awsclient.Access) (dynamodb.API, error)
	Pinpoint func(awsclient.Access) (pinpoint.API, error)
	Kafka    func(kafka.Access) (kafka.Admin, error)
	Redis    func(redis.Access) (redis.Cache, error)
	// Tenants are the records in the tenants table with a prefix.
	Tenants func(access awsclient.Access, tablePrefix string) (store.Tenants, error)
}

// retrySecret is when to look again for what is missing and may come after what uses it, should no watch tell of it.
const retrySecret = 10 * time.Second

// missingSecretError says that a Secret or its key is not there. It may be coming, so it is nobody's fault yet.
type missingSecretError struct{ namespace, name, key string }

func (m *missingSecretError) Error() string {
	return fmt.Sprintf("waits for Secret %s/%s with key %q", m.namespace, m.name, m.key)
}

// secretFact turns a failure to read a Secret into a fact.
func secretFact(err error) fact {
	var missing *missingSecretError
	if errors.As(err, &missing) {
		f := pending(v1alpha1.ReasonPending, missing.Error(), retrySecret)
		f.lost = true
		return f
	}
	return failed(err)
}

// secret reads a key of a Secret, past the cache: the operator keeps no copies of Secrets, and watches their metadata alone.
func (s *scope) secret(ctx context.Context, name, key string) ([]byte, error) {
	var secret corev1.Secret
	err := s.APIReader.Get(ctx, types.NamespacedName{Namespace: s.cc.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return nil, &missingSecretError{s.cc.Namespace, name, key}
	}
	if err != nil {
		return nil, fault.Transient(v1alpha1.ReasonError, "read Secret %s/%s: %s", s.cc.Namespace, name, apierrors.ReasonForError(err))
	}
	value, ok := secret.Data[key]
	if !ok || len(value) == 0 {
		return nil, &missingSecretError{s.cc.Namespace, name, key}
	}
	return value, nil
}

// awsAccess is how this ChatCluster reaches AWS.
func (s *scope) awsAccess(ctx context.Context, endpoint string) (awsclient.Access, error) {
	a := awsclient.Access{Region: s.spec.AWS.Region, Endpoint: endpoint}
	if endpoint != "" && !s.Options.AllowAWSEndpoints {
		return a, fault.Terminal(v1alpha1.ReasonNotAllowed, "aws.endpoints is not allowed by this operator: remove it, or start the operator with --allow-aws-endpoints")
	}
	if role := s.spec.AWS.AssumeRoleARN; role != "" {
		if !s.Options.AssumableRoles.allow(s.cc.Namespace, role) {
			return a, fault.Terminal(v1alpha1.ReasonNotAllowed,
				"aws.assumeRoleARN: this operator does not let namespace %s use role %s (--assumable-roles)", s.cc.Namespace, role)
		}
		a.Role, a.ExternalID = role, s.externalID(s.cc.Namespace)
	}
	name := s.spec.AWS.Credentials.SecretName
	if name == "" {
		return a, nil
	}
	file, err := s.secret(ctx, name, workload.AWSCredentialsKey)
	if err != nil {
		return a, err
	}
	a.Credentials, err = awsclient.ParseCredentials(file)
	if err != nil {
		return a, fault.Terminal(v1alpha1.ReasonAccessDenied, "Secret %s/%s, key %q: %s", s.cc.Namespace, name, workload.AWSCredentialsKey, err)
	}
	return a, nil
}

func (s *scope) dynamoDB(ctx context.Context) (dynamodb.API, error) {
	a, err := s.awsAccess(ctx, s.spec.AWS.Endpoints.DynamoDB)
	if err != nil {
		return nil, err
	}
	return s.External.DynamoDB(a)
}

func (s *scope) pinpoint(ctx context.Context) (pinpoint.API, error) {
	a, err := s.awsAccess(ctx, s.spec.AWS.Endpoints.Pinpoint)
	if err != nil {
		return nil, err
	}
	return s.External.Pinpoint(a)
}

// text is a Secret's value without its trailing newline, as chatd reads the mounted file; it is empty where none is named.
func (s *scope) text(ctx context.Context, ref v1alpha1.SecretKey) (string, error) {
	if ref.Name == "" {
		return "", nil
	}
	value, err := s.secret(ctx, ref.Name, ref.Key)
	return strings.TrimRight(string(value), "\r\n"), err
}

// kafka reaches the brokers as the pods do.
func (s *scope) kafka(ctx context.Context) (kafka.Admin, error) {
	m := s.spec.MSK
	a := kafka.NewAccess(m.BootstrapServers, *m.TLS)
	a.Mechanism = workload.Mechanism(m.Authentication)
	var err error
	if a.CA, err = s.text(ctx, m.CASecret); err != nil {
		return nil, err
	}
	if scram := m.Authentication.SCRAM; scram != nil {
		a.User = scram.Username
		if a.Password, err = s.text(ctx, scram.PasswordSecret); err != nil {
			return nil, err
		}
	}
	if mtls := m.Authentication.MTLS; mtls != nil {
		cert, certErr := s.text(ctx, v1alpha1.SecretKey{Name: mtls.SecretName, Key: corev1.TLSCertKey})
		key, keyErr := s.text(ctx, v1alpha1.SecretKey{Name: mtls.SecretName, Key: corev1.TLSPrivateKeyKey})
		if err := errors.Join(certErr, keyErr); err != nil {
			return nil, err
		}
		a.Cert, a.Key = cert, key
	}
	if a.Mechanism == dial.MSKIAM {
		if a.AWS, err = s.awsAccess(ctx, ""); err != nil {
			return nil, err
		}
	}
	return s.External.Kafka(a)
}

// redis reaches the cache as the pods do.
func (s *scope) redis(ctx context.Context) (redis.Cache, error) {
	e := s.spec.ElastiCache
	var password string
	var err error
	if e.PasswordSecret != nil {
		if password, err = s.text(ctx, *e.PasswordSecret); err != nil {
			return nil, err
		}
	}
	a := redis.NewAccess(e.Addresses, e.ClusterMode, *e.TLS, e.Username, password)
	if a.CA, err = s.text(ctx, e.CASecret); err != nil {
		return nil, err
	}
	if e.Authentication == v1alpha1.AuthenticationIAM {
		a.CacheName, a.Serverless = e.CacheName, e.Serverless
		if a.AWS, err = s.awsAccess(ctx, ""); err != nil {
			return nil, err
		}
	}
	return s.External.Redis(a)
}

// policy checks the spec against what this operator allows.
func (s *scope) policy(context.Context) {
	if s.Options.AllowInsecureIssuers {
		return
	}
	for _, i := range s.spec.Auth.Issuers {
		if !strings.HasPrefix(i.JWKSURL, "https://") {
			s.facts.policy = failed(fault.Terminal(v1alpha1.ReasonNotAllowed,
				"auth.issuers: the jwksURL of tenant %s is not https, which this operator does not allow (--allow-insecure-issuers)", i.Tenant))
			return
		}
	}
}

// userTags are the user's tags as a map.
func (s *scope) userTags() map[string]string {
	tags := map[string]string{}
	for _, t := range s.spec.AWS.Tags {
		tags[t.Key] = t.Value
	}
	return tags
}
