package eventlog

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAuditRecordsArriveAsTheyWerePublished(t *testing.T) {
	_, cfg := fakeKafka(t, 3)
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // what counts arrives
	want := AuditRecord{
		Tenant: "acme", ID: "1", At: time.UnixMilli(1_700_000_000_123).UTC(), Kind: AuditSessionAccepted,
		Actor: "ann", Subject: "ann", Device: "phone", Details: map[string]string{"code": "ok"},
	}
	if err := p.Audit(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	came := make(chan Record, 1)
	start(t, cfg, ConsumerOptions{Group: AuditGroup, Topics: []string{AuditTopic}, Handler: func(_ context.Context, rs []Record) error {
		came <- rs[0]
		return nil
	}})
	select {
	case r := <-came:
		if d := cmp.Diff(&want, r.Audit); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
}

func TestAuditRecordsOutOfBoundsAreRefused(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing is published
	for reason, r := range map[string]AuditRecord{
		"without an id nobody could tell that it came twice": {Tenant: "acme", Kind: "k"},
		"a kind is one word":                        {Tenant: "acme", ID: "1", Kind: "two words"},
		"a tenant's chain is found by its id":       {ID: "1", Kind: "k"},
		"a user's id is one":                        {Tenant: "acme", ID: "1", Kind: "k", Subject: strings.Repeat("x", 5000)},
		"a device's id is one":                      {Tenant: "acme", ID: "1", Kind: "k", Device: "\x00"},
		"what people wrote is longer than any word": {Tenant: "acme", ID: "1", Kind: "k", Details: map[string]string{"d": strings.Repeat("x", 1000)}},
	} {
		err := p.Audit(t.Context(), r)
		if err == nil {
			t.Errorf("taken: %s", reason)
		} else if strings.Contains(err.Error(), "xxx") {
			t.Errorf("the error repeats what the record holds: %v", err)
		}
	}
}
