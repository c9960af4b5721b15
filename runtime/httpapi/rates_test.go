package httpapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestRates(t *testing.T) {
	const users = 100
	r := NewRates(10, 5, users)
	now := time.Unix(1_000_000, 0)
	r.now = func() time.Time { return now }
	user := func(id string) store.User {
		u, err := store.NewUser("t", id)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	alice := user("alice")
	for i := range 5 {
		if wait := r.Take(alice); wait != 0 {
			t.Fatalf("request %d of a burst of 5 must wait %v", i+1, wait)
		}
	}
	if wait := r.Take(alice); wait != 100*time.Millisecond {
		t.Errorf("after the burst it must wait %v, not a token's time", wait)
	}
	now = now.Add(100 * time.Millisecond)
	if wait := r.Take(alice); wait != 0 {
		t.Errorf("a token later it must still wait %v", wait)
	}
	if wait := r.Take(alice); wait == 0 {
		t.Error("one token is two")
	}
	now = now.Add(time.Hour)
	for i := range 6 {
		if wait := r.Take(alice); (wait > 0) != (i == 5) {
			t.Errorf("after an hour request %d must wait %v: a bucket holds a burst and no more", i+1, wait)
		}
	}
	for i := range 10_000 {
		r.Take(user(fmt.Sprint(i)))
		if len(r.full) > users {
			t.Fatalf("%d users are kept, not at most %d", len(r.full), users)
		}
	}
}

func TestFullBucketsAreForgotten(t *testing.T) {
	r := NewRates(10, 5, 1<<20)
	now := time.Unix(1_000_000, 0)
	r.now = func() time.Time { return now }
	for i := range 100_000 {
		u, err := store.NewUser("t", fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		r.Take(u)
		now = now.Add(time.Millisecond) // a hundred buckets are not full at any time
	}
	if len(r.full) > 1100 {
		t.Errorf("%d buckets are kept", len(r.full))
	}
}
