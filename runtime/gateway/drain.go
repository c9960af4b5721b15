package gateway

import (
	"math/rand/v2"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// returnWithin is over what time a closed client comes back, at random: the closes themselves are spread already.
	returnWithin = 2 * time.Second
	// answersGrace is how long the last sends may take to be answered after the drain period.
	answersGrace = 5 * time.Second
)

// drain tells every client and closes the connections one by one over the drain period, each when its sends are answered.
func (g *Gateway) drain() {
	conns := g.connections()
	g.log.Info("draining", "connections", len(conns), "period", g.o.DrainPeriod.String())
	for _, c := range conns {
		back := uint32(rand.N(returnWithin).Milliseconds())
		c.tell(encode(&protocol.ServerFrame{Type: protocol.TypeDrain, ReconnectAfterMS: back}), protocol.TypeDrain)
	}
	rand.Shuffle(len(conns), func(i, j int) { conns[i], conns[j] = conns[j], conns[i] })
	begin := time.Now()
	for i, c := range conns {
		share := g.o.DrainPeriod / time.Duration(len(conns))
		at := begin.Add(time.Duration(i)*share + rand.N(share+1))
		g.waitUntil(at)
		c.leave()
	}
	g.waitUntil(time.Now().Add(answersGrace))
	for _, c := range g.connections() {
		c.close(protocol.CloseDrain, "the gateway is going away")
	}
	g.waitUntil(time.Now().Add(2 * closeGrace))
	for _, c := range g.connections() {
		_ = c.nc.Close()
	}
}

// waitUntil waits, but no longer than there are connections.
func (g *Gateway) waitUntil(at time.Time) {
	left := time.NewTimer(time.Until(at))
	defer left.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for g.count() > 0 {
		select {
		case <-left.C:
			return
		case <-look.C:
		}
	}
}
