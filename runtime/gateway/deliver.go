package gateway

import (
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Deliver gives a committed batch to the connections that are in the conversation, those first whom the batch itself brings in.
func (g *Gateway) Deliver(d *chatpb.Deliver) {
	v, err := store.NewConv(store.Tenant(d.GetTenant()), d.GetConversation())
	if err == nil {
		err = store.CheckBatch(d.GetBatch())
	}
	if err != nil {
		g.log.Error("a delivery cannot be used", "error", err)
		return
	}
	g.m.deliveries.Inc()
	for _, e := range d.GetBatch().GetEntries() {
		for _, m := range e.GetMembersAdded().GetMembers() {
			u, err := store.NewUser(v.Tenant(), m.GetUser())
			if err != nil {
				continue
			}
			for _, c := range g.hub.userConns(u) {
				c.join(v, e.GetSeq())
			}
		}
	}
	one := newDelivery(v, d.GetBatch(), d.GetLarge())
	g.hub.eachConn(v, func(c *conn) { c.deliver(one) })
}

// Head raises the target of the connections that are in the conversation, and brings in those of users who joined lately.
func (g *Gateway) Head(h *chatpb.Head) {
	v, err := store.NewConv(store.Tenant(h.GetTenant()), h.GetConversation())
	if err != nil {
		g.log.Error("a head cannot be used", "error", err)
		return
	}
	for _, id := range h.GetJoined() {
		u, err := store.NewUser(v.Tenant(), id)
		if err != nil {
			continue
		}
		for _, c := range g.hub.userConns(u) {
			c.joinSomewhere(v)
		}
	}
	g.hub.eachConn(v, func(c *conn) { c.announce(v, h.GetSeq()) })
}
