package chatcluster

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// indexClaims is the field index of what a ChatCluster claims.
const indexClaims = "claims"

// Kinds of claims: what cannot be tagged, and two ChatClusters must not share.
const (
	claimTopics   = "topics"
	claimDatabase = "database"
	claimTables   = "tables"
)

// claims are what a ChatCluster claims: kind, then where, then name.
func claims(cc *v1alpha1.ChatCluster) []string {
	s := effective(cc)
	list := []string{
		strings.Join([]string{claimDatabase, strings.ToLower(s.Aurora.Host), strconv.Itoa(int(*s.Aurora.Port)), s.Aurora.Database}, "|"),
		strings.Join([]string{claimTables, account(cc.Namespace, s.AWS), s.DynamoDB.TablePrefix}, "|"),
	}
	for _, server := range s.MSK.BootstrapServers {
		list = append(list, strings.Join([]string{claimTopics, strings.ToLower(server), s.MSK.TopicPrefix}, "|"))
	}
	return list
}

// account is where tables are, as far as the spec tells: an engine of its own, or a Region of whoever is logged in as.
func account(namespace string, a v1alpha1.AWSSpec) string {
	switch {
	case a.Endpoints.DynamoDB != "":
		return a.Endpoints.DynamoDB
	case a.AssumeRoleARN != "":
		return a.Region + " " + a.AssumeRoleARN
	case a.Credentials.SecretName != "":
		return a.Region + " " + namespace + "/" + a.Credentials.SecretName
	}
	return a.Region
}

func claimsIndexer(o client.Object) []string {
	if cc, ok := o.(*v1alpha1.ChatCluster); ok {
		return claims(cc)
	}
	return nil
}

// claimed returns a terminal error when an older ChatCluster claims what this one claims of a kind. Tables on AWS carry tags,
// which decide whose they are; the claim keeps a younger ChatCluster from adopting those whose owner is alive and has lost
// its tags.
func (s *scope) claimed(ctx context.Context, kind string) error {
	for _, claim := range claims(s.cc) {
		if !strings.HasPrefix(claim, kind+"|") {
			continue
		}
		var list v1alpha1.ChatClusterList
		if err := s.List(ctx, &list, client.MatchingFields{indexClaims: claim}); err != nil {
			return fault.Transient(v1alpha1.ReasonError, "list ChatClusters: %s", err)
		}
		for i := range list.Items {
			if other := &list.Items[i]; older(other, s.cc) {
				return fault.Terminal(v1alpha1.ReasonClaimed, "ChatCluster %s/%s is older and has the same %s: %s",
					other.Namespace, other.Name, kind, strings.ReplaceAll(strings.TrimPrefix(claim, kind+"|"), "|", " "))
			}
		}
	}
	return nil
}

func older(a, b *v1alpha1.ChatCluster) bool {
	if a.UID == b.UID {
		return false
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
}

// claimants are the other ChatClusters that claim what a ChatCluster claims, or claimed: now it may be theirs.
func (r *Reconciler) claimants(ctx context.Context, o client.Object) []reconcile.Request {
	var found []reconcile.Request
	for _, claim := range claimsIndexer(o) {
		var list v1alpha1.ChatClusterList
		if err := r.List(ctx, &list, client.MatchingFields{indexClaims: claim}); err != nil {
			// They look again by themselves, later.
			log.FromContext(ctx).Error(err, "list ChatClusters that share a claim")
			continue
		}
		for i := range list.Items {
			if list.Items[i].UID != o.GetUID() {
				found = append(found, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
			}
		}
	}
	return found
}

// endedClaims lets through what may end a claim: a ChatCluster that went, or that claims something else now.
func endedClaims() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() && !slices.Equal(claimsIndexer(e.ObjectOld), claimsIndexer(e.ObjectNew))
		},
	}
}
