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

// steady: every ChatCluster is looked at again; nothing is to be done.
func steady(ctx context.Context, b *bench) error {
	b.Bar = "no write and no read of Kubernetes that misses the cache; at most 150 MB RSS at 1,000 ChatClusters"
	s, err := b.fleetStage(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.steadily(ctx, s, short(b, 20, 1000)), s.end())
}

func (b *bench) steadily(ctx context.Context, s *fleetStage, n int) error {
	if err := s.apply(ctx, "chat", n, nil); err != nil {
		return err
	}
	if err := s.ready(ctx, "chat", n); err != nil {
		return err
	}
	// What the last writes cause passes.
	if err := s.quiet(ctx); err != nil {
		return err
	}
	before, err := s.asked()
	if err != nil {
		return err
	}
	start := time.Now()
	cpu, _, err := used(s.operator, func() error {
		if err := s.touch(ctx); err != nil {
			return err
		}
		return s.quiet(ctx)
	})
	if err != nil {
		return err
	}
	took := time.Since(start)
	after, err := s.asked()
	if err != nil {
		return err
	}
	asked := after.Minus(before)
	// While everything is looked at once more, a new one comes.
	if err := s.touch(ctx); err != nil {
		return err
	}
	start = time.Now()
	if err := s.apply(ctx, "new", 1, nil); err != nil {
		return err
	}
	if err := s.ready(ctx, "new", 1); err != nil {
		return err
	}
	newcomer := time.Since(start)
	rss, err := s.settledRSS()
	if err != nil {
		return err
	}
	b.Figures["chatclusters"] = n
	b.Figures["writes"], b.Figures["reads_past_the_cache"], b.Figures["requests"] = asked.Writes(), asked.Reads(), asked.Kubernetes
	b.Figures["cloud_writes"], b.Figures["cloud_reads"] = asked.CloudWrites, asked.CloudReads
	b.Figures["operator_cpu_seconds"], b.Figures["seconds"] = round(cpu), round(took.Seconds())
	b.Figures["newcomer_seconds_to_ready"], b.Figures["rss_mb_settled"] = round(newcomer.Seconds()), rss
	b.logf("%d ChatClusters looked at again in %.1f s: %d writes, %d reads past the cache, %.1f CPU-seconds; a new one is Ready after %.1f s; RSS %.0f MB",
		n, took.Seconds(), asked.Writes(), asked.Reads(), cpu, newcomer.Seconds(), rss)
	b.Met = asked.Writes() == 0 && asked.Reads() == 0 && asked.CloudWrites == 0 && rss <= 150
	return nil
}

// touch changes every ChatCluster in a way that says nothing, so that each is looked at.
func (s *fleetStage) touch(ctx context.Context) error {
	var list v1alpha1.ChatClusterList
	if err := s.plane.Client.List(ctx, &list); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(appliers)
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"bench.invalid/touched":"%d"}}}`, time.Now().UnixNano()))
	for i := range list.Items {
		group.Go(func() error { return s.plane.Client.Patch(ctx, &list.Items[i], patch) })
	}
	return group.Wait()
}

// quiet waits until the operator has nothing to do.
func (s *fleetStage) quiet(ctx context.Context) error {
	for calm := 0; calm < 4; {
		st, err := s.operator.Stats()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		now, err := s.operator.Stats()
		if err != nil {
			return err
		}
		if calm++; now.CPUSeconds-st.CPUSeconds > 0.025 {
			calm = 0
		}
	}
	return nil
}
