// Package cache is what ChatCluster keeps in Redis: marks as they are now, which pod has which lanes open, where
// users are connected, and the inbox's lists and summaries.
//
// # Promise
//
// Redis may be emptied, fail over to an older copy or be away at any moment: then things are slower, never wrong. So nothing
// here is the only copy of anything, every answer may be "not known", and callers take the better of the cache's mark and
// the store's. Every call has a deadline of a second besides the caller's, and its errors carry no values.
//
// # Keys
//
// Every key starts with the cluster's prefix, and every key or member about a tenant holds the tenant. Ids are escaped
// (store.Escape), so none reaches into another's key or chooses its slot. Keys that change together carry one hash tag, which
// is what Redis in cluster mode asks for.
//
//	m#{tenant#user}#conversation   hash: r the read mark, d#device a delivered mark; 48 h
//	l#{tenant#user}                hash: l the list; 1 h at most
//	lq#{tenant#user}               the list's version; its age is for how long nothing has changed; 2 h
//	s#{tenant#conversation}        hash: s the seq, d the summary; 1 h at most
//	sq#{tenant#conversation}       empty; its age is for how long nothing has changed; 2 h
//	pods                           set of the pods that ever renewed
//	lease#{pod}                    a pod's lease; 15 s
//	lanes#{pod}                    set of tenant#conversation; 24 h
//	pr#{tenant#user}               when the user's places for pushes are used up; as long as that
//	sweep#{shard}                  who looks after a shard of deferred pushes; seconds
//	claim#{pod}                    who is taking a lapsed pod's lanes; 10 s
//	u#{shard}#tenant#user          when the user was last seen, and each device's gateway, epoch and last renewal; 30 days
//	g#{shard}#instance             a gateway's lease: its routes in this shard are whole; 15 s
//	gr#{shard}#instance            a gateway is registering its routes; a minute
//	use#what#{tenant}              hash: what each pod sees of a tenant's use, and when it said so; 15 s
//	gen#{shard}                    since when the shard is there: it is unknown where users are before all have registered
//
// # Routes
//
// Routes are in few slots (one, or sixteen in cluster mode), so that those of a whole group are read with one command for each.
// They are never believed alone: a gateway that has no lease in a shard may have anybody, one that is asked for and has one has
// exactly whom the routes name. A lease is given only for routes that were written since the gateway's BeginGateway with nothing
// lost in between, so Redis emptied, or a shard of it, is "not known" until the gateways have registered again.
//
// # Concurrency and lifecycle
//
// A Cache is safe for concurrent use and starts nothing besides its connection pool, which Close ends. What must compare and
// set is a script, atomic in Redis; seqs are compared as decimal strings there, since Lua's numbers end at 2^53.
package cache
