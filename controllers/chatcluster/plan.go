package chatcluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awspinpoint "github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

const (
	// maxPlan and maxPlanned are what the status takes: entries, and bytes of one.
	maxPlan    = 64
	maxPlanned = 512
	// plannedApplication stands for the push application that would be made.
	plannedApplication = "new"
)

// plan collects what a pass would change. It is safe for concurrent use.
type plan struct {
	mu      sync.Mutex
	changes []string
}

func (p *plan) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes = append(p.changes, shorten(fmt.Sprintf(format, args...), maxPlanned))
}

// list is what fits into the status.
func (p *plan) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if more := len(p.changes) - maxPlan; more > 0 {
		return append(p.changes[:maxPlan-1:maxPlan-1], fmt.Sprintf("and %d more", more+1))
	}
	return p.changes
}

// planned tells whether the user asked for a plan.
func planned(cc *v1alpha1.ChatCluster) bool { return cc.Annotations[v1alpha1.AnnotationPlan] == "true" }

// planning is a Reconciler that changes nothing, whatever a phase does: what would be changed is noted. It remembers nothing
// of earlier passes, so everything is looked at.
func (r *Reconciler) planning(p *plan) *Reconciler {
	dry := *r
	dry.Client = dryClient{client.NewDryRunClient(r.Client), p}
	dry.Recorder = silence{}
	dry.memo = newMemo()
	dry.External.Pinpoint = func(a awsclient.Access) (pinpoint.API, error) {
		api, err := r.External.Pinpoint(a)
		return dryPinpoint{api, p}, err
	}
	dry.External.Kafka = func(a kafka.Access) (kafka.Admin, error) {
		admin, err := r.External.Kafka(a)
		return dryKafka{admin, p}, err
	}
	return &dry
}

// makePlan writes into the status what a pass would do. Conditions and observedGeneration stay: nothing was acted on.
func (r *Reconciler) makePlan(ctx context.Context, cc *v1alpha1.ChatCluster) ctrl.Result {
	p := &plan{}
	s := r.planning(p).scope(cc)
	s.plan = p
	if cc.DeletionTimestamp.IsZero() {
		for _, phase := range s.phases() {
			s.run(ctx, phase)
			s.facts.assumeDone()
		}
		for _, c := range append(concerns(&s.facts), concern{condition: "Secrets", fact: s.facts.secrets}) {
			if c.fact.err != nil {
				_, message := c.fact.explain()
				p.note("%s: cannot be: %s", c.condition, message)
			}
		}
	} else if f := s.deletion(ctx); f.err != nil {
		_, message := f.explain()
		p.note("deletion: cannot be: %s", message)
	}
	setPlanned(cc, p.list())
	return ctrl.Result{RequeueAfter: jitter(max(r.Options.ObserveEvery/5, retryDenied))}
}

// assumeDone takes what is on its way for done, so that a plan shows what follows, too.
func (f *facts) assumeDone() {
	for _, one := range []*fact{&f.certificates, &f.tables, &f.topics, &f.schema, &f.push, &f.base} {
		if one.err == nil {
			*one = fact{}
		}
	}
}

// dryClient notes what would be deleted. What would be applied is noted where it is compared.
type dryClient struct {
	client.Client
	plan *plan
}

// Delete implements client.Client.
func (c dryClient) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	kind := "object"
	if gvk, err := apiutil.GVKForObject(o, c.Scheme()); err == nil {
		kind = gvk.Kind
	}
	c.plan.note("delete %s %s", kind, o.GetName())
	return c.Client.Delete(ctx, o, opts...)
}

// silence records no events.
type silence struct{}

// Eventf implements events.EventRecorder.
func (silence) Eventf(_, _ runtime.Object, _, _, _, _ string, _ ...any) {}

// dryKafka notes what would be changed.
type dryKafka struct {
	kafka.Admin
	plan *plan
}

// Create implements kafka.Admin.
func (k dryKafka) Create(_ context.Context, name string, partitions int32, _ int16, _ map[string]string) error {
	k.plan.note("topic %s: create with %d partitions", name, partitions)
	return nil
}

// Grow implements kafka.Admin.
func (k dryKafka) Grow(_ context.Context, name string, partitions int32) error {
	k.plan.note("topic %s: grow to %d partitions", name, partitions)
	return nil
}

// Configure implements kafka.Admin.
func (k dryKafka) Configure(_ context.Context, name string, configs map[string]string) error {
	k.plan.note("topic %s: set %v", name, configs)
	return nil
}

// Delete implements kafka.Admin.
func (k dryKafka) Delete(_ context.Context, names ...string) error {
	for _, name := range names {
		k.plan.note("topic %s: delete", name)
	}
	return nil
}

// Allow implements kafka.Admin.
func (k dryKafka) Allow(_ context.Context, principals []string, prefix string) error {
	k.plan.note("ACLs: give %v what pods need of prefix %s", principals, prefix)
	return nil
}

// Disallow implements kafka.Admin.
func (k dryKafka) Disallow(_ context.Context, principals []string, prefix string) error {
	k.plan.note("ACLs: take from %v what pods need of prefix %s", principals, prefix)
	return nil
}

// dryPinpoint notes what would be changed.
type dryPinpoint struct {
	pinpoint.API
	plan *plan
}

// CreateApp implements pinpoint.API.
func (d dryPinpoint) CreateApp(context.Context, *awspinpoint.CreateAppInput, ...func(*awspinpoint.Options)) (*awspinpoint.CreateAppOutput, error) {
	d.plan.note("push application: create")
	return &awspinpoint.CreateAppOutput{ApplicationResponse: &types.ApplicationResponse{Id: aws.String(plannedApplication), Tags: map[string]string{}}}, nil
}

// DeleteApp implements pinpoint.API.
func (d dryPinpoint) DeleteApp(_ context.Context, in *awspinpoint.DeleteAppInput, _ ...func(*awspinpoint.Options)) (*awspinpoint.DeleteAppOutput, error) {
	d.plan.note("push application %s: delete", aws.ToString(in.ApplicationId))
	return &awspinpoint.DeleteAppOutput{}, nil
}

// TagResource implements pinpoint.API.
func (d dryPinpoint) TagResource(context.Context, *awspinpoint.TagResourceInput, ...func(*awspinpoint.Options)) (*awspinpoint.TagResourceOutput, error) {
	d.plan.note("push application: set tags")
	return &awspinpoint.TagResourceOutput{}, nil
}

// UntagResource implements pinpoint.API.
func (d dryPinpoint) UntagResource(context.Context, *awspinpoint.UntagResourceInput, ...func(*awspinpoint.Options)) (*awspinpoint.UntagResourceOutput, error) {
	d.plan.note("push application: remove tags")
	return &awspinpoint.UntagResourceOutput{}, nil
}

// SetChannel implements pinpoint.API.
func (d dryPinpoint) SetChannel(_ context.Context, _ string, p pinpoint.Platform, _ pinpoint.Credentials) (pinpoint.Channel, error) {
	d.plan.note("push channel %s: set credentials", p)
	return pinpoint.Channel{Enabled: true}, nil
}

// DeleteChannel implements pinpoint.API.
func (d dryPinpoint) DeleteChannel(_ context.Context, _ string, p pinpoint.Platform) error {
	d.plan.note("push channel %s: delete", p)
	return nil
}
