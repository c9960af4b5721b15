package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// provision: many ChatClusters at once, from applied to Ready, and then thousands of ChatTenants on them.
func provision(ctx context.Context, b *bench) error {
	b.Bar = "1,000 ChatClusters: all children written in at most 30 s, or 3 times the floor where that is longer; at most 1 write per child and 2 for the object itself"
	b.Met = true
	sizes := b.sizes([]int{20}, []int{100, 500, 1000})
	for i, n := range sizes {
		s, err := b.fleetStage(ctx)
		if err != nil {
			return err
		}
		made, err := b.provisioned(ctx, s, n)
		if err == nil && i == len(sizes)-1 {
			err = b.provisionedTenants(ctx, s, n, b.tenants(100, 10_000))
		}
		if err := errors.Join(err, s.end()); err != nil {
			return err
		}
		if err := b.besideFloor(ctx, bare(made), n); err != nil {
			return err
		}
	}
	return nil
}

// provisioned applies n ChatClusters and returns their children.
func (b *bench) provisioned(ctx context.Context, s *fleetStage, n int) (made []unstructured.Unstructured, err error) {
	defer b.profile(s.operator, fmt.Sprintf("O1-%d", n), 20*time.Second)()
	spent, err := s.spend(ctx, func() error {
		if err := s.apply(ctx, "chat", n, nil); err != nil {
			return err
		}
		return s.ready(ctx, "chat", n)
	})
	if err != nil {
		return nil, err
	}
	if made, err = s.children(ctx); err != nil {
		return nil, err
	}
	settled, standIns, err := s.settledRSS()
	if err != nil {
		return nil, err
	}
	each := func(times int) float64 { return round(float64(times) / float64(n)) }
	beyond := float64(spent.asked.Writes()-len(made)) / float64(n)
	figures := spent.figures()
	figures["children_each"], figures["children_a_second"] = each(len(made)), round(float64(len(made))/spent.took.Seconds())
	figures["writes_each"], figures["writes_each_beyond_children"] = each(spent.asked.Writes()), round(beyond)
	figures["requests_each"], figures["cloud_writes_each"] = each(spent.asked.Total()), each(spent.asked.CloudWrites)
	figures["rss_mb_settled"], figures["rss_mb_of_stand_ins"], figures["requests"] = settled, standIns, spent.asked.Kubernetes
	b.Figures[fmt.Sprintf("chatclusters_%d", n)] = figures
	b.logf("%d ChatClusters: Ready after %.1f s, %.0f children/s; each %.1f children, %.1f writes (%.1f beyond children), %.1f requests; CPU-seconds %v; RSS %.0f MB at most, %.0f MB settled, of which %.0f MB stand-ins",
		n, spent.took.Seconds(), float64(len(made))/spent.took.Seconds(), each(len(made)), each(spent.asked.Writes()), beyond, each(spent.asked.Total()), spent.cpu, spent.peak, settled, standIns)
	b.Met = b.Met && beyond <= 2
	return made, nil
}

const (
	// barClusters is how many ChatClusters the bars are about.
	barClusters = 1000
	// barSeconds and barFloors are how long they may take: docs/decisions/0012.
	barSeconds, barFloors = 30, 3
)

// provisionedTenants applies ChatTenants to the ChatClusters that are there.
func (b *bench) provisionedTenants(ctx context.Context, s *fleetStage, clusters, n int) error {
	if n == 0 {
		return nil
	}
	spent, err := s.spend(ctx, func() error {
		if err := s.applyTenants(ctx, "tenant", numbered("chat"), clusters, n); err != nil {
			return err
		}
		return s.tenantsReady(ctx, "tenant", n)
	})
	if err != nil {
		return err
	}
	settled, standIns, err := s.settledRSS()
	if err != nil {
		return err
	}
	figures := spent.figures()
	figures["writes_each"], figures["requests_each"] = round(float64(spent.asked.Writes())/float64(n)), round(float64(spent.asked.Total())/float64(n))
	figures["rss_mb_settled"], figures["rss_mb_of_stand_ins"], figures["requests"] = settled, standIns, spent.asked.Kubernetes
	b.Figures[fmt.Sprintf("chattenants_%d", n)] = figures
	b.logf("%d ChatTenants: Ready after %.1f s; each %.1f writes, %.1f requests; CPU-seconds %v; RSS %.0f MB at most, %.0f MB settled, of which %.0f MB stand-ins",
		n, spent.took.Seconds(), figures["writes_each"], figures["requests_each"], spent.cpu, spent.peak, settled, standIns)
	return nil
}

// besideFloor compares with what the control plane takes for the same children without an operator.
func (b *bench) besideFloor(ctx context.Context, children []*unstructured.Unstructured, n int) error {
	took, cpu, err := b.floor(ctx, children)
	if err != nil {
		return err
	}
	figures, ok := b.Figures[fmt.Sprintf("chatclusters_%d", n)].(map[string]any)
	if !ok {
		return errors.New("a floor without figures beside it")
	}
	ratio := round(figures["seconds_to_ready"].(float64) / took.Seconds())
	b.Met = b.Met && (figures["seconds_to_ready"].(float64) <= barSeconds || ratio <= barFloors)
	figures["floor_seconds"], figures["floor_cpu_seconds"], figures["times_the_floor"] = round(took.Seconds()), cpu, ratio
	b.logf("floor: a plain client applies the same %d objects in %.1f s, CPU-seconds %v; the operator took %.2f times that", len(children), took.Seconds(), cpu, ratio)
	return nil
}
