package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

const (
	// calmLooks in a row find at most fewDue objects due when all is quiet.
	calmLooks, fewDue = 6, 2
)

// steady: every ChatCluster and every ChatTenant is looked at again; nothing is to be done.
func steady(ctx context.Context, b *bench) error {
	b.Bar = "no write and no read of Kubernetes that misses the cache; at most 150 MB RSS, without the stand-ins for AWS, at 1,000 ChatClusters and 10,000 ChatTenants"
	s, err := b.fleetStage(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.steadily(ctx, s, b.sizes([]int{20}, []int{barClusters})[0], b.tenants(100, 10_000)), s.end())
}

func (b *bench) steadily(ctx context.Context, s *fleetStage, n, tenants int) error {
	if err := s.apply(ctx, "chat", n, nil); err != nil {
		return err
	}
	if err := s.ready(ctx, "chat", n); err != nil {
		return err
	}
	if err := s.applyTenants(ctx, "tenant", numbered("chat"), n, tenants); err != nil {
		return err
	}
	if err := s.tenantsReady(ctx, "tenant", tenants); err != nil {
		return err
	}
	// What the last writes cause passes.
	if err := s.quiet(ctx); err != nil {
		return err
	}
	spent, err := s.spend(ctx, func() error {
		if err := s.touch(ctx, `"now"`); err != nil {
			return err
		}
		return s.quiet(ctx)
	})
	if err != nil {
		return err
	}
	asked := spent.asked
	if asked.Passes["chatcluster"] < n || asked.Passes["chattenant"] < tenants {
		return fmt.Errorf("of %d ChatClusters and %d ChatTenants only %v were looked at", n, tenants, asked.Passes)
	}
	// While everything is looked at once more, a new one comes.
	if err := s.touch(ctx, "null"); err != nil {
		return err
	}
	start := time.Now()
	if err := s.apply(ctx, "new", 1, nil); err != nil {
		return err
	}
	if err := s.ready(ctx, "new", 1); err != nil {
		return err
	}
	newcomer := time.Since(start)
	if err := s.quiet(ctx); err != nil {
		return err
	}
	rss, standIns, err := s.settledRSS()
	if err != nil {
		return err
	}
	b.Figures["chatclusters"], b.Figures["chattenants"] = n, tenants
	b.Figures["writes"], b.Figures["reads_past_the_cache"], b.Figures["requests"] = asked.Writes(), asked.Reads(), asked.Kubernetes
	b.Figures["cloud_writes"], b.Figures["cloud_reads"], b.Figures["passes"] = asked.CloudWrites, asked.CloudReads, asked.Passes
	b.Figures["cpu_seconds"], b.Figures["seconds"], b.Figures["rss_mb_peak"] = spent.cpu, round(spent.took.Seconds()), spent.peak
	b.Figures["newcomer_seconds_to_ready"], b.Figures["rss_mb_settled"], b.Figures["rss_mb_of_stand_ins"] = round(newcomer.Seconds()), rss, standIns
	b.logf("%d ChatClusters and %d ChatTenants looked at again in %.1f s, %v: %d writes, %d reads past the cache, CPU-seconds %v; a new one is Ready after %.1f s; RSS %.0f MB at most, %.0f MB settled, of which %.0f MB stand-ins",
		n, tenants, spent.took.Seconds(), asked.Passes, asked.Writes(), asked.Reads(), spent.cpu, newcomer.Seconds(), spent.peak, rss, standIns)
	b.Met = asked.Writes() == 0 && asked.Reads() == 0 && asked.CloudWrites == 0 && rss-standIns <= 150
	return nil
}

// touch gives every ChatCluster and every ChatTenant an annotation of the kind that the operator looks at, which says nothing, or takes it away
// where it is null: each is looked at.
func (s *fleetStage) touch(ctx context.Context, annotation string) error {
	var clusters v1alpha1.ChatClusterList
	var tenants v1alpha1.ChatTenantList
	if err := errors.Join(s.plane.Client.List(ctx, &clusters), s.plane.Client.List(ctx, &tenants)); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(appliers)
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"chatcluster.io/touched-by-bench":%s}}}`, annotation))
	for i := range clusters.Items {
		group.Go(func() error { return s.plane.Client.Patch(ctx, &clusters.Items[i], patch) })
	}
	for i := range tenants.Items {
		group.Go(func() error { return s.plane.Client.Patch(ctx, &tenants.Items[i], patch) })
	}
	return group.Wait()
}

// quiet waits until the operator has nothing to do but what it does all the time: to look at the world of one object or another again.
func (s *fleetStage) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fleetWithin)
	defer cancel()
	var due int64
	for calm := 0; calm < calmLooks; calm++ {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d objects are still due: %w", due, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
		var err error
		if due, err = s.askedFor("/due"); err != nil {
			return err
		}
		if due > fewDue {
			calm = -1
		}
	}
	return nil
}
