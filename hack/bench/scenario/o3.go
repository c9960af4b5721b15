package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/hack/bench/fleet"
	"github.com/chatcluster/chatcluster/hack/bench/operator"
)

// broken is how many ChatClusters cannot get anywhere.
const broken = 25

// isolation: broken ChatClusters with thousands of ChatTenants, and then a good one and an edit of a good one.
func isolation(ctx context.Context, b *bench) error {
	b.Bar = "at most 1.5 × the time without the broken ones"
	var alone, beside times
	for range short(b, 1, b.o.Repeats) {
		for _, with := range []bool{false, true} {
			s, err := b.fleetStage(ctx)
			if err != nil {
				return err
			}
			t, err := b.isolated(ctx, s, with)
			if err := errors.Join(err, s.end()); err != nil {
				return err
			}
			if with {
				beside = beside.and(t)
			} else {
				alone = alone.and(t)
			}
			b.logf("with %v broken: a good one is Ready after %.2f s, an edit after %.2f s", map[bool]int{true: broken}[with], t.create[0], t.edit[0])
		}
	}
	b.Figures["broken"] = broken
	b.Figures["create_seconds_alone"], b.Figures["create_seconds_beside_broken"] = spreadOf(alone.create), spreadOf(beside.create)
	b.Figures["edit_seconds_alone"], b.Figures["edit_seconds_beside_broken"] = spreadOf(alone.edit), spreadOf(beside.edit)
	b.Met = spreadOf(beside.create).Median <= 1.5*spreadOf(alone.create).Median && spreadOf(beside.edit).Median <= 1.5*spreadOf(alone.edit).Median
	return nil
}

type times struct{ create, edit []float64 }

func (t times) and(o times) times {
	return times{append(t.create, o.create...), append(t.edit, o.edit...)}
}

func (b *bench) isolated(ctx context.Context, s *fleetStage, with bool) (t times, err error) {
	if err := s.apply(ctx, "old", 1, nil); err != nil {
		return t, err
	}
	if err := s.ready(ctx, "old", 1); err != nil {
		return t, err
	}
	if with {
		if err := s.breakSome(ctx); err != nil {
			return t, err
		}
		if err := s.applyTenants(ctx, "tenant", brokenName, broken, b.tenants(100, 10_000)); err != nil {
			return t, err
		}
		time.Sleep(5 * time.Second) // they are in the midst of their troubles
	}
	start := time.Now()
	if err := s.apply(ctx, "good", 1, nil); err != nil {
		return t, err
	}
	if err := s.ready(ctx, "good", 1); err != nil {
		return t, err
	}
	t.create = []float64{time.Since(start).Seconds()}
	var cc v1alpha1.ChatCluster
	if err := s.plane.Client.Get(ctx, client.ObjectKey{Namespace: fleetNamespace(0), Name: "good-0"}, &cc); err != nil {
		return t, err
	}
	before := cc.DeepCopy()
	replicas := int32(5)
	cc.Spec.Gateway.Replicas = &replicas
	start = time.Now()
	if err := s.plane.Client.Patch(ctx, &cc, client.MergeFrom(before)); err != nil {
		return t, err
	}
	if err := s.ready(ctx, "good", 1); err != nil {
		return t, err
	}
	t.edit = []float64{time.Since(start).Seconds()}
	return t, nil
}

// breakSome applies ChatClusters with a missing Secret, a migration that fails and tables that are refused, in turn.
func (s *fleetStage) breakSome(ctx context.Context) error {
	for i := range broken {
		cc := fleet.Cluster(fleetNamespace(i), brokenName(i))
		switch i % 3 {
		case 0:
			cc.Spec.Aurora.PasswordSecret.Name = "missing"
			cc.Spec.ElastiCache.PasswordSecret = &v1alpha1.SecretKey{Name: "missing", Key: "password"}
		case 2:
			cc.Spec.DynamoDB.TablePrefix = fmt.Sprintf("%s-%d-", operator.Refused, i)
		}
		if err := s.plane.Client.Create(ctx, cc); err != nil {
			return err
		}
	}
	return nil
}

// brokenName names a broken ChatCluster; that of every third says that its migration fails.
func brokenName(i int) string {
	if i%3 == 1 {
		return fmt.Sprintf("%s-%d", fleet.Failing, i)
	}
	return fmt.Sprintf("broken-%d", i)
}
