package server

import (
	"context"
	"sync/atomic"

	"github.com/chatcluster/chatcluster/hack/bench/admin"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// counted is a store that counts the gateway's reads.
type counted struct {
	store.Store
	log, conversation, memberships, membership, devices atomic.Int64
}

func (c *counted) reads() admin.Reads {
	return admin.Reads{
		Log: c.log.Load(), Conversation: c.conversation.Load(), Memberships: c.memberships.Load(), Membership: c.membership.Load(), Devices: c.devices.Load(),
	}
}

func (c *counted) Read(ctx context.Context, v store.Conv, from uint64, limit int) ([]store.Stored, error) {
	c.log.Add(1)
	return c.Store.Read(ctx, v, from, limit)
}

func (c *counted) Conversation(ctx context.Context, v store.Conv) (store.Conversation, error) {
	c.conversation.Add(1)
	return c.Store.Conversation(ctx, v)
}

func (c *counted) Memberships(ctx context.Context, u store.User) ([]store.Membership, error) {
	c.memberships.Add(1)
	return c.Store.Memberships(ctx, u)
}

func (c *counted) Membership(ctx context.Context, u store.User, v store.Conv) (store.Membership, error) {
	c.membership.Add(1)
	return c.Store.Membership(ctx, u, v)
}

func (c *counted) Devices(ctx context.Context, u store.User) ([]store.Device, error) {
	c.devices.Add(1)
	return c.Store.Devices(ctx, u)
}
