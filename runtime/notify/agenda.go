package notify

import (
	"container/heap"
	"context"
	"time"
)

const (
	notOnAgenda = -1
	// idle is how long the scheduler sleeps when there is nothing on the agenda.
	idle = time.Hour
)

// task is something to do at a time: deciding a window, or going on with an evaluation.
type task struct {
	p   partition
	due time.Time
	run func(ctx context.Context)
	at  int // its place in the agenda
}

// agenda is a heap of tasks by time.
type agenda []*task

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].at, a[j].at = i, j
}

// Push implements heap.Interface.
func (a *agenda) Push(x any) {
	t := x.(*task)
	t.at = len(*a)
	*a = append(*a, t)
}

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	old := *a
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	t.at = notOnAgenda
	return t
}

// drop removes a partition's tasks.
func (a *agenda) drop(p partition) {
	kept := (*a)[:0]
	for _, t := range *a {
		if t.p == p {
			t.at = notOnAgenda
			continue
		}
		t.at = len(kept)
		kept = append(kept, t)
	}
	clear((*a)[len(kept):])
	*a = kept
	heap.Init(a)
}

// schedule puts the task on the agenda, or moves it there. The caller holds mu.
func (n *Notifier) schedule(t *task, due time.Time) {
	switch {
	case t.at == notOnAgenda:
		t.due = due
		heap.Push(&n.agenda, t)
	case t.due.Equal(due):
		return
	default:
		t.due = due
		heap.Fix(&n.agenda, t.at)
	}
	if t.at == 0 {
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

// next takes the task that is due, or says how long there is none.
func (n *Notifier) next() (*task, time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.agenda) == 0 {
		return nil, idle
	}
	if wait := time.Until(n.agenda[0].due); wait > 0 {
		return nil, wait
	}
	t := heap.Pop(&n.agenda).(*task)
	return t, 0
}
