package chatcluster

import (
	"context"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

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
		strings.Join([]string{claimTables, s.AWS.Region, s.AWS.Endpoints.DynamoDB, s.DynamoDB.TablePrefix}, "|"),
	}
	for _, server := range s.MSK.BootstrapServers {
		list = append(list, strings.Join([]string{claimTopics, strings.ToLower(server), s.MSK.TopicPrefix}, "|"))
	}
	return list
}

func claimsIndexer(o client.Object) []string {
	if cc, ok := o.(*v1alpha1.ChatCluster); ok {
		return claims(cc)
	}
	return nil
}

// claimed returns a terminal error when an older ChatCluster claims what this one claims of a kind. Tables on AWS need no
// claim: they carry tags.
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
