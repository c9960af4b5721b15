package automation

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// ProvideTeam gives a team a namespace with a ChatCluster, and returns where its clients connect to once it is Ready.
func ProvideTeam(ctx context.Context, c client.Client, team, image string) (string, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-" + team}}
	if err := c.Create(ctx, namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		return "", err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "aurora"},
		StringData: map[string]string{"password": "from your vault"},
	}
	if err := c.Create(ctx, secret); err != nil && !apierrors.IsAlreadyExists(err) {
		return "", err
	}
	cc := &v1alpha1.ChatCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "chat"},
		Spec: v1alpha1.ChatClusterSpec{
			Image: image,
			AWS:   v1alpha1.AWSSpec{Region: "eu-central-1", Tags: []v1alpha1.Tag{{Key: "team", Value: team}}},
			Auth: v1alpha1.AuthSpec{Issuers: []v1alpha1.Issuer{
				{Tenant: team, Issuer: "https://id.example", Audience: team, JWKSURL: "https://id.example/jwks.json"},
			}},
			MSK:         v1alpha1.MSKSpec{BootstrapServers: []string{"kafka.example:9094"}},
			Aurora:      v1alpha1.AuroraSpec{Host: "db.example", Database: team, Username: team, PasswordSecret: v1alpha1.SecretKey{Name: "aurora"}},
			ElastiCache: v1alpha1.ElastiCacheSpec{Addresses: []string{"cache.example:6379"}},
		},
	}
	if err := c.Create(ctx, cc); err != nil && !apierrors.IsAlreadyExists(err) {
		return "", err
	}
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(cc), cc); err != nil {
			return false, err
		}
		if stalled := meta.FindStatusCondition(cc.Status.Conditions, v1alpha1.ConditionStalled); stalled != nil {
			return false, fmt.Errorf("team %s: %s", team, stalled.Message)
		}
		return meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady), nil
	})
	return cc.Status.Endpoints.Gateway, err
}
