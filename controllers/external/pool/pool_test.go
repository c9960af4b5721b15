package pool

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPool(t *testing.T) {
	var made, closed []string
	p := New(time.Minute,
		func(k string) (string, error) {
			if k == "bad" {
				return "", errors.New("boom")
			}
			made = append(made, k)
			return k, nil
		},
		func(v string) { closed = append(closed, v) })
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	get := func(k string) {
		t.Helper()
		if _, err := p.Get(k); err != nil {
			t.Fatal(err)
		}
	}

	get("a")
	get("a")
	get("b")
	now = now.Add(50 * time.Second)
	get("a")
	now = now.Add(20 * time.Second)
	get("c")
	if diff := cmp.Diff([]string{"b"}, closed); diff != "" {
		t.Errorf("only what was idle for longer than the idle time is closed (-want +got):\n%s", diff)
	}
	get("b")
	if diff := cmp.Diff([]string{"a", "b", "c", "b"}, made); diff != "" {
		t.Errorf("a client is made once while it is used (-want +got):\n%s", diff)
	}
	if _, err := p.Get("bad"); err == nil {
		t.Error("an error of the constructor was swallowed")
	}
	p.Close()
	if len(closed) != 4 {
		t.Errorf("Close closed %d clients in all, want 4", len(closed))
	}
}
