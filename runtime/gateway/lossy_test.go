package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// device is one device of a user that connects again and again, and knows what it was sent.
type device struct {
	user, id string
	rng      *rand.Rand

	mu     sync.Mutex
	last   map[string]uint64 // by conversation
	faults []string
}

func (d *device) fault(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, d.user+"/"+d.id+": "+fmt.Sprintf(format, args...))
}

func (d *device) reached(v string) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last[v]
}

// live connects to one gateway or another until ctx ends. Each connection must be sent every entry once and in order, from no
// later than where the last one ended.
func (d *device) live(ctx context.Context, urls []string) {
	for ctx.Err() == nil {
		d.connect(ctx, urls[d.rng.IntN(len(urls))])
	}
}

func (d *device) connect(ctx context.Context, url string) {
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: gatewaytest.Patience}
	ws, res, err := dialer.DialContext(ctx, url+"/v1/ws", nil)
	if err != nil {
		return
	}
	_ = res.Body.Close()
	defer func() { _ = ws.Close() }()
	defer context.AfterFunc(ctx, func() { _ = ws.Close() })()
	defer time.AfterFunc(time.Second+time.Duration(d.rng.Int64N(int64(2*time.Second))), func() { _ = ws.Close() }).Stop()
	say := func(f protocol.ClientFrame) { _ = ws.WriteJSON(f) }
	say(protocol.ClientFrame{Type: protocol.TypeHello, Token: d.user, Device: d.id})
	here := map[string]uint64{}
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			if websocket.IsCloseError(err, int(protocol.CloseReplaced)) {
				d.fault("closed for a connection that it has left")
			}
			return
		}
		var f protocol.ServerFrame
		if err := json.Unmarshal(data, &f); err != nil {
			d.fault("%v", err)
			return
		}
		if f.Type != protocol.TypeEntries {
			continue
		}
		d.mu.Lock()
		for _, e := range f.Entries {
			switch at, ok := here[f.Conversation]; {
			case ok && e.Seq != at+1:
				d.faults = append(d.faults, fmt.Sprintf("%s/%s: seq %d after %d", d.user, d.id, e.Seq, at))
			case !ok && e.Seq > d.last[f.Conversation]+1:
				d.faults = append(d.faults, fmt.Sprintf("%s/%s: begins at %d after %d", d.user, d.id, e.Seq, d.last[f.Conversation]))
			}
			here[f.Conversation] = e.Seq
			d.last[f.Conversation] = max(d.last[f.Conversation], e.Seq)
		}
		seq := d.last[f.Conversation]
		d.mu.Unlock()
		say(protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: f.Conversation, Seq: seq})
	}
}

// everyDeviceGetsEverything has users write to each other while their devices come and go between two gateways, a network that
// loses, doubles and reorders is between gateways and chat pods, and disturb does what it does now and then.
func everyDeviceGetsEverything(t *testing.T, w *gatewaytest.World, disturb ...func()) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i := range 2 {
		p := w.RealPod(fmt.Sprint("c", i), func(o *chat.Options) { o.HeadsEvery = 300 * time.Millisecond })
		p.Lossy(gatewaytest.Loss{Seed: seed + uint64(i), Drop: 0.3, Double: 0.1, Behind: 0.1})
	}
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	users := []string{"ann", "bob", "cid"}
	convs := map[string][]string{"room": users, "pair": users[:2]}
	for id, members := range convs {
		in := store.Conversation{Conv: w.Conv(id), Kind: store.Group, CreatedAt: time.Now()}
		w.Seed(in, members...)
	}

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var devices []*device
	for _, u := range users {
		for _, id := range []string{"phone", "tablet"} {
			d := &device{user: u, id: id, last: map[string]uint64{}, rng: rand.New(rand.NewPCG(seed, uint64(len(devices))))}
			devices = append(devices, d)
			wg.Go(func() { d.live(ctx, []string{g1.URL, g2.URL}) })
		}
	}
	var senders sync.WaitGroup
	var mu sync.Mutex
	heads := map[string]uint64{}
	for _, u := range users {
		s := w.Hello(g1.URL, u, "sender")
		senders.Go(func() {
			pace := time.NewTicker(80 * time.Millisecond)
			defer pace.Stop()
			for i := range 60 {
				<-pace.C
				for id, members := range convs {
					if id == "pair" && u == members[1] || id == "room" || u == members[0] {
						if seq := sendOn(s, id, fmt.Sprintf("%s-%s-%d", u, id, i)); seq > 0 {
							mu.Lock()
							heads[id] = max(heads[id], seq)
							mu.Unlock()
						}
					}
				}
			}
		})
	}
	sent := make(chan struct{})
	go func() { senders.Wait(); close(sent) }()
	for i := 0; ; i++ {
		pause := time.NewTimer(500 * time.Millisecond)
		select {
		case <-sent:
		case <-pause.C:
			if len(disturb) > 0 {
				disturb[i%len(disturb)]()
			}
			continue
		}
		pause.Stop()
		break
	}
	for id, members := range convs {
		for _, d := range devices {
			for _, m := range members {
				if m == d.user {
					w.Eventually(fmt.Sprintf("%s/%s has %s up to %d", d.user, d.id, id, heads[id]), func() bool { return d.reached(id) >= heads[id] })
				}
			}
		}
	}
	stop()
	wg.Wait()
	for _, d := range devices {
		for _, f := range d.faults {
			t.Error(f)
		}
	}
}

// sendOn sends until it is acknowledged, and returns the seq.
func sendOn(s *gatewaytest.Socket, conversation, id string) uint64 {
	for {
		if s.WriteJSON(protocol.ClientFrame{Type: protocol.TypeSend, Conversation: conversation, ClientMsgID: id, Body: id}) != nil {
			return 0
		}
		for {
			var f protocol.ServerFrame
			_ = s.SetReadDeadline(time.Now().Add(gatewaytest.Patience))
			if s.ReadJSON(&f) != nil {
				return 0
			}
			if f.ClientMsgID != id {
				continue
			}
			if f.Type == protocol.TypeAck {
				return f.Seq
			}
			break // refused for now
		}
	}
}

func TestEveryDeviceGetsEverythingThoughDeliveriesAreLost(t *testing.T) {
	w := gatewaytest.New(t)
	r := w.UseRedis()
	everyDeviceGetsEverything(t, w,
		func() { r.FlushAll() },
		func() { r.Slow(300 * time.Millisecond) },
		func() { r.Slow(0); r.SetError("LOADING") },
		func() { r.SetError(""); r.FastForward(time.Minute) },
		func() { r.Close() },
		func() { _ = r.Restart() },
	)
}
