package auth_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// table keeps revocations, and fails or hangs as the test says.
type table struct {
	mu     sync.Mutex
	rows   []store.Revocation
	fail   int // this many reads more
	hang   bool
	oldest time.Time // what the last read asked for
}

func (t *table) Revoke(_ context.Context, r store.Revocation) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
	return store.CheckRevocation(r)
}

func (t *table) Revocations(ctx context.Context, since time.Time) ([]store.Revocation, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.oldest = since
	if t.hang {
		t.mu.Unlock()
		<-ctx.Done()
		t.mu.Lock()
		return nil, ctx.Err()
	}
	if t.fail > 0 {
		t.fail--
		return nil, errBoom
	}
	return slices.DeleteFunc(slices.Clone(t.rows), func(r store.Revocation) bool { return r.At.Before(since) || time.Now().After(r.Until) }), nil
}

func (t *table) change(f func(*table)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t)
}

// reader runs Revocations of the table within the bubble.
func reader(t *testing.T, from *table) *auth.Revocations {
	t.Helper()
	r, err := auth.NewRevocations(auth.RevocationsOptions{Store: from})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = r.Run(ctx) })
	t.Cleanup(func() { cancel(); run.Wait() })
	synctest.Wait()
	return r
}

func user(t *testing.T, tenant, id string) store.User {
	t.Helper()
	u, err := store.NewUser(store.Tenant(tenant), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestWhatARevocationConcerns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice := user(t, "acme", "alice")
		before, after := time.Now().Add(-time.Hour), time.Now().Add(time.Second)
		of := func(u store.User, id string, issued time.Time) auth.Principal {
			return auth.Principal{User: u, TokenID: id, Issued: issued}
		}
		cases := map[string]struct {
			reason string
			revoke store.Revocation
			by     auth.Principal
			device string
			want   error
		}{
			"User":        {"all that was issued before", store.Revocation{User: alice}, of(alice, "t", before), "phone", auth.ErrRevoked},
			"SignedIn":    {"a token that was issued afterwards is a new sign-in", store.Revocation{User: alice}, of(alice, "t", after), "phone", nil},
			"Ageless":     {"it may be as old as any", store.Revocation{User: alice}, of(alice, "t", time.Time{}), "phone", auth.ErrRevoked},
			"OtherUser":   {"it is another's", store.Revocation{User: alice}, of(user(t, "acme", "bob"), "t", before), "phone", nil},
			"OtherTenant": {"the same name elsewhere is somebody else", store.Revocation{User: alice}, of(user(t, "globex", "alice"), "t", before), "phone", nil},
			"Device":      {"what the device uses", store.Revocation{User: alice, Device: "phone"}, of(alice, "t", before), "phone", auth.ErrRevoked},
			"OtherDevice": {"it stays signed in", store.Revocation{User: alice, Device: "phone"}, of(alice, "t", before), "tablet", nil},
			"NoDevice":    {"nobody knows which device it is", store.Revocation{User: alice, Device: "phone"}, of(alice, "t", before), "", nil},
			"Token":       {"this very one", store.Revocation{User: alice, TokenID: "t"}, of(alice, "t", after), "phone", auth.ErrRevoked},
			"OtherToken":  {"another of the user's", store.Revocation{User: alice, TokenID: "t"}, of(alice, "u", before), "phone", nil},
			"Nameless":    {"it has no id to be revoked by", store.Revocation{User: alice, TokenID: "t"}, of(alice, "", before), "phone", nil},
			"StolenID":    {"ids are the issuer's, users differ", store.Revocation{User: alice, TokenID: "t"}, of(user(t, "acme", "bob"), "t", before), "phone", nil},
		}
		for name, tc := range cases {
			r := reader(t, &table{})
			if err := r.Revoke(t.Context(), tc.revoke); err != nil {
				t.Fatal(err)
			}
			if err := r.Check(tc.by, tc.device); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("%s: %s: %v, want %v", name, tc.reason, err, tc.want)
			}
		}
	})
}

func TestARevocationHoldsEverywhereWithinFifteenSeconds(t *testing.T) {
	for _, failures := range []int{0, 1, 2} {
		synctest.Test(t, func(t *testing.T) {
			shared := &table{}
			here := reader(t, shared)
			time.Sleep(2500 * time.Millisecond) // the bubble's clock: they do not look in step
			there := reader(t, shared)
			var mu sync.Mutex
			var told []time.Duration
			begin := time.Now()
			there.Subscribe(func([]store.Revocation) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, time.Since(begin))
			})
			time.Sleep(time.Millisecond)
			begin = time.Now()
			alice := auth.Principal{User: user(t, "acme", "alice"), TokenID: "t", Issued: begin.Add(-time.Hour)}
			if err := here.Revoke(t.Context(), store.Revocation{User: alice.User}); err != nil {
				t.Fatal(err)
			}
			if err := here.Check(alice, ""); !errors.Is(err, auth.ErrRevoked) {
				t.Errorf("where it was said: %v, want revoked at once", err)
			}
			shared.change(func(s *table) { s.fail = failures })
			accepted := time.Duration(0)
			for range 40 {
				if there.Check(alice, "") == nil {
					accepted = time.Since(begin)
				}
				time.Sleep(500 * time.Millisecond)
			}
			if accepted >= 15*time.Second {
				t.Errorf("with %d failures: still accepted after %v", failures, accepted)
			}
			if err := there.Check(alice, ""); !errors.Is(err, auth.ErrRevoked) {
				t.Errorf("with %d failures: %v, want revoked", failures, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(told) != 1 || told[0] > auth.DefaultPollEvery*time.Duration(1+failures) {
				t.Errorf("with %d failures: told after %v, want once within %v", failures, told, auth.DefaultPollEvery*time.Duration(1+failures))
			}
		})
	}
}

func TestWithoutTheTableNothingNewIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{hang: true}
		r := reader(t, s)
		bob := auth.Principal{User: user(t, "acme", "bob"), Issued: time.Now()}
		if err := r.Check(bob, ""); !errors.Is(err, auth.ErrRevocationsUnknown) || !auth.Retryable(err) || r.Ready(t.Context()) == nil {
			t.Errorf("%v before the first read, want unknown, retryable and not ready", err)
		}
		s.change(func(s *table) { s.hang = false })
		time.Sleep(auth.DefaultPollEvery)
		synctest.Wait()
		if err := r.Check(bob, ""); err != nil || r.Ready(t.Context()) != nil {
			t.Fatalf("%v, want accepted after a good read", err)
		}
		s.change(func(s *table) { s.hang = true })
		time.Sleep(auth.DefaultStaleAfter)
		synctest.Wait()
		if err := r.Check(bob, ""); err != nil {
			t.Errorf("%v: the last good read is no older than allowed", err)
		}
		time.Sleep(time.Second)
		if err := r.Check(bob, ""); !errors.Is(err, auth.ErrRevocationsUnknown) {
			t.Errorf("%v, want unknown: somebody may have been revoked meanwhile", err)
		}
		s.change(func(s *table) { s.hang = false })
		time.Sleep(auth.DefaultPollEvery + auth.DefaultPollTimeout)
		synctest.Wait()
		if err := r.Check(bob, ""); err != nil {
			t.Errorf("%v: the table is back", err)
		}
	})
}

func TestAStartReadsAllThatMayStillConcernAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice := user(t, "acme", "alice")
		s := &table{rows: []store.Revocation{
			{User: alice, Device: "old", At: time.Now().Add(-auth.MaxTokenLife), Until: time.Now().Add(time.Minute)},
		}}
		r := reader(t, s)
		p := auth.Principal{User: alice, Issued: time.Now().Add(-auth.MaxTokenLife - time.Second)}
		if err := r.Check(p, "old"); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("%v: the token may still live", err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s.change(func(s *table) {
			if ago := time.Since(s.oldest); ago > 5*time.Minute {
				t.Errorf("a later read goes back %v: that costs a month of reads every few seconds", ago)
			}
		})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if err := r.Check(p, "old"); err != nil {
			t.Errorf("%v: it is over", err)
		}
	})
}

func TestRevocationsAreKeptUntilTheTokenIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		r := reader(t, s)
		alice := user(t, "acme", "alice")
		now := time.Now()
		for _, v := range []store.Revocation{{User: alice}, {User: alice, TokenID: "t", Until: now.Add(time.Hour)}} {
			if err := r.Revoke(t.Context(), v); err != nil {
				t.Fatal(err)
			}
		}
		var got []time.Duration
		for _, v := range s.rows {
			got = append(got, v.Until.Sub(now))
		}
		// A token is accepted for Skew after its expiry, and its issuer's clock may be Skew ahead.
		if diff := cmp.Diff([]time.Duration{auth.MaxTokenLife + 2*auth.Skew, time.Hour + 2*auth.Skew}, got); diff != "" {
			t.Errorf("kept for, -want +got:\n%s", diff)
		}
	})
}
