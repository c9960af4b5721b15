package fault

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 30 * time.Second

// TestALostAnswerIsOneToARequestThatWasCarriedOut is the fault that matters most: the write has happened.
func TestALostAnswerIsOneToARequestThatWasCarriedOut(t *testing.T) {
	var carried atomic.Int32
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		carried.Add(1)
		_, _ = io.WriteString(w, "{}")
	}))
	defer engine.Close()
	cases := map[string]struct {
		reason  string
		rates   Rates
		down    bool
		status  int // 0: no answer
		carried int32
	}{
		"None":     {"nothing is broken", Rates{}, false, http.StatusOK, 1},
		"Lost":     {"it has happened, and nobody says so", Rates{Lost: 1}, false, 0, 1},
		"Error":    {"it has not happened", Rates{Error: 1}, false, http.StatusInternalServerError, 0},
		"Throttle": {"it has not happened", Rates{Throttle: 1}, false, http.StatusBadRequest, 0},
		"Down":     {"nobody is there", Rates{}, true, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			carried.Store(0)
			d, err := NewDynamo(t.Context(), engine.URL)
			if err != nil {
				t.Fatal(err)
			}
			d.Set(tc.rates)
			d.Down(tc.down)
			status := 0
			c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if res, err := c.Post(d.URL(), "application/x-amz-json-1.0", strings.NewReader("{}")); err == nil {
				status = res.StatusCode
				_ = res.Body.Close()
			}
			if status != tc.status || carried.Load() != tc.carried {
				t.Errorf("%s: status %d, carried out %d times; want %d and %d", tc.reason, status, carried.Load(), tc.status, tc.carried)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNobodyGoesAroundTheKafkaProxy produces through it and loses the answer: the record is there all the same, once, since
// the producer is idempotent.
func TestNobodyGoesAroundTheKafkaProxy(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	k, err := NewKafka(t.Context(), cluster.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var dialed atomic.Value
	dialed.Store("")
	c, err := kgo.NewClient(kgo.SeedBrokers(k.Addr()), kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"),
		kgo.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != k.Addr() {
				dialed.Store(addr)
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.ProduceSync(ctx, kgo.StringRecord("one")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	k.Set(Rates{Lost: 1})
	done := make(chan error, 1)
	c.Produce(ctx, kgo.StringRecord("two"), func(_ *kgo.Record, err error) { done <- err })
	end := func() int64 {
		info := cluster.PartitionInfo("t", 0)
		if info == nil {
			return -1
		}
		return info.HighWatermark
	}
	for end() < 2 {
		if err := ctx.Err(); err != nil {
			t.Fatal("the record whose answer is lost is not written")
		}
		time.Sleep(time.Millisecond)
	}
	k.Set(Rates{})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) < 2 && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if strings.Join(got, " ") != "one two" || end() != 2 {
		t.Errorf("the topic holds %q and ends at %d", got, end())
	}
	if addr := dialed.Load(); addr != "" {
		t.Errorf("the client went around the proxy, to %s", addr)
	}
	c.Close()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func TestAStalledLineLosesNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	p, err := NewTCP(t.Context(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	p.Stall(true)
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	p.Stall(false)
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	p.Refuse(true)
	if _, err := c.Read(got); err == nil {
		t.Error("a refusing proxy keeps its connections")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
