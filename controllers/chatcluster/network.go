package chatcluster

import (
	"context"
	"errors"

	networkingv1 "k8s.io/api/networking/v1"
)

// network applies the NetworkPolicies before anything runs that they are for, or removes them.
func (s *scope) network(ctx context.Context) {
	policies, err := s.cluster.NetworkPolicies()
	errs := []error{err}
	for _, p := range policies {
		if *s.spec.Network.Policies {
			_, err = s.apply(ctx, &networkingv1.NetworkPolicy{}, p)
		} else {
			err = s.remove(ctx, &networkingv1.NetworkPolicy{}, *p.Name)
		}
		errs = append(errs, err)
	}
	s.facts.network = failed(errors.Join(errs...))
}
