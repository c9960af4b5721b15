package moderate

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// Weights are no labels: there would be a time series for each.
func TestReasonsAreCountedByTheirWords(t *testing.T) {
	found := []string{"look-alike:90,credentials:35", "credentials:20", "profanity", ""}
	d := detector{func(_ context.Context, messages []Message) ([]Finding, error) {
		out := make([]Finding, len(messages))
		for i := range out {
			out[i] = Finding{Score: 99, Reason: found[i]}
		}
		return out, nil
	}}
	registry := prometheus.NewRegistry()
	policy := enforce
	policy.Mode = DryRun
	m := newModerator(t, Options{Detector: d, Publisher: &publisher{}, Policy: policy, Registerer: registry})
	var entries []*logpb.Entry
	for i := range found {
		entries = append(entries, message(uint64(i+1), &logpb.Message{Body: "x"}))
	}
	if err := m.Handle(t.Context(), []eventlog.Record{record(t, entries...)}); err != nil {
		t.Fatal(err)
	}
	const want = `# HELP chatcluster_processor_reasons_total Reasons of the findings that count; a finding may have several.
# TYPE chatcluster_processor_reasons_total counter
chatcluster_processor_reasons_total{mode="dryrun",processor="spam",reason="credentials"} 2
chatcluster_processor_reasons_total{mode="dryrun",processor="spam",reason="look-alike"} 1
chatcluster_processor_reasons_total{mode="dryrun",processor="spam",reason="profanity"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "chatcluster_processor_reasons_total"); err != nil {
		t.Error(err)
	}
}
