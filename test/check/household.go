package check

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// setUp makes everybody, their devices and their conversations.
func (r *run) setUp(ctx context.Context) error {
	rng := r.rng(streamSetup)
	users := make([]string, r.o.Users)
	for i := range users {
		users[i] = fmt.Sprintf("u%d", i+1)
		for j := range 2 + (i%3)/2 {
			d := r.newDevice(users[i], fmt.Sprintf("d%d", j+1))
			if j == 0 {
				d.pushToken = fmt.Sprintf("token-%d-%s", r.o.Seed, users[i])
				d.away = i%2 == 1
				d.sleeps = i%4 == 1 && r.o.Quiet > 0
			}
			d.wishes, d.late = j == 1, j == 2
			r.devices = append(r.devices, d)
		}
	}
	for _, d := range r.devices {
		if d.late {
			continue
		}
		if err := d.connect(ctx); err != nil {
			return err
		}
		if d.pushToken == "" {
			continue
		}
		if err := d.register(ctx, nil); err != nil {
			return err
		}
	}
	if err := r.setUpGroups(ctx, rng, users); err != nil {
		return err
	}
	if err := r.setUpPairs(ctx, rng, users); err != nil {
		return err
	}
	r.setUpJudges(ctx)
	return nil
}

func (r *run) online(user string) *device {
	return r.devices[slices.IndexFunc(r.devices, func(d *device) bool { return d.user == user && d.c != nil })]
}

func (r *run) setUpGroups(ctx context.Context, rng *rand.Rand, users []string) error {
	for i := range r.o.Groups {
		owner := users[rng.IntN(len(users))]
		perm := rng.Perm(len(users))
		members := map[string]bool{owner: true}
		var others []string
		for _, p := range perm[:2+rng.IntN(len(users)-1)] {
			if u := users[p]; !members[u] {
				members[u] = true
				others = append(others, u)
			}
		}
		c, err := r.online(owner).c.CreateGroup(ctx, fmt.Sprintf("group %d", i), others, fmt.Sprintf("group-%d-%d", r.o.Seed, i))
		if err != nil {
			return err
		}
		r.conversations = append(r.conversations, &conversation{id: c.ID, kind: c.Kind, owner: owner, members: members})
	}
	return nil
}

func (r *run) setUpPairs(ctx context.Context, rng *rand.Rand, users []string) error {
	have := map[string]bool{}
	for range r.o.Groups {
		perm := rng.Perm(len(users))
		a, b := users[perm[0]], users[perm[1]]
		c, err := r.online(a).c.CreateDirect(ctx, b)
		if err != nil {
			return err
		}
		if !have[c.ID] {
			have[c.ID] = true
			r.conversations = append(r.conversations, &conversation{id: c.ID, kind: c.Kind, owner: a, members: map[string]bool{a: true, b: true}})
		}
	}
	return nil
}

// pick returns one of the user's conversations, nil when there is none.
func (r *run) pick(rng *rand.Rand, user string) *conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	var mine []*conversation
	for _, c := range r.conversations {
		if c.members[user] {
			mine = append(mine, c)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	return mine[rng.IntN(len(mine))]
}

// settle waits until everything has been answered, with everybody online but the phones that are away.
func (r *run) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Patience)
	defer cancel()
	var wg sync.WaitGroup
	for _, d := range r.devices {
		if d.away {
			continue
		}
		wg.Go(func() {
			if d.c == nil {
				if err := d.connect(ctx); err != nil {
					r.violate(Violation{Promise: "P4", What: fmt.Sprintf("%s cannot connect: %v", d.name(), err)})
					return
				}
			}
			d.awaitAll(ctx)
		})
	}
	for _, d := range r.judges {
		wg.Go(func() { d.awaitAll(ctx) })
	}
	wg.Wait()
}

// awaitAll waits until everything that was asked for has been answered: nothing stands in the way any more.
func (d *device) awaitAll(ctx context.Context) {
	answered := make(chan struct{})
	go func() { d.pending.Wait(); close(answered) }() // closeAll ends what is pending
	select {
	case <-answered:
	case <-ctx.Done():
		d.r.violate(Violation{Promise: "P3", What: fmt.Sprintf("%s still waits for answers, long after everything was healed", d.name())})
	}
}

func (r *run) closeAll() {
	for _, d := range slices.Concat(r.devices, r.judges) {
		d.leave()
	}
}
