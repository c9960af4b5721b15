package pki

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	begin  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	wishes = map[string]Wish{
		"chat":    {Host: "demo-chat.chat.svc", Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}},
		"gateway": {Host: "demo-gateway.chat.svc", Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	}
)

func next(t *testing.T, now time.Time, have State) State {
	t.Helper()
	s, err := Next(now, "chat/demo", wishes, have)
	if err != nil {
		t.Fatal(err)
	}
	check(t, now, s)
	return s
}

// check sees that each role accepts the other's certificate.
func check(t *testing.T, now time.Time, s State) {
	t.Helper()
	for role, wish := range wishes {
		for other := range wishes {
			if _, ok := readLeaf(s.Leaves[role].Pair, wish, now, readCertificates(s.Leaves[other].Trust)); !ok {
				t.Errorf("at %s %s does not accept the certificate of %s", now.Sub(begin), other, role)
			}
		}
	}
}

func TestNothingDueChangesNothing(t *testing.T) {
	first := next(t, begin, State{})
	for _, age := range []time.Duration{time.Second, Overlap, 19 * 24 * time.Hour} {
		if diff := cmp.Diff(first, next(t, begin.Add(age), first)); diff != "" {
			t.Errorf("after %s without need (-before +after):\n%s", age, diff)
		}
	}
}

// Who looks only when something is due misses nothing, and looks seldom.
func TestBetweenWhatIsDueNothingChanges(t *testing.T) {
	const parts = 3
	have, looks := next(t, begin, State{}), 0
	first := have.Authority
	for now := begin; now.Sub(begin) < 550*24*time.Hour; looks++ {
		due := Due(now, have)
		for i := range parts {
			at := now.Add(due.Sub(now) * time.Duration(i) / parts)
			if diff := cmp.Diff(have, next(t, at, have)); diff != "" {
				t.Fatalf("nothing was due before %s, but at %s (-have +next):\n%s", due.Sub(begin), at.Sub(begin), diff)
			}
		}
		now = due
		have = next(t, now, have)
	}
	if bytes.Equal(first.Cert, have.Authority.Cert) {
		t.Error("the CA was never replaced")
	}
	if looks > 150 {
		t.Errorf("%d looks", looks)
	}
}

func TestCertificatesAreRenewedInTime(t *testing.T) {
	first := next(t, begin, State{})
	later := next(t, begin.Add(21*24*time.Hour), first)
	for role := range wishes {
		if bytes.Equal(first.Leaves[role].Cert, later.Leaves[role].Cert) || bytes.Equal(first.Leaves[role].Key, later.Leaves[role].Key) {
			t.Errorf("the certificate of %s was not renewed with a third of its life left", role)
		}
		if !bytes.Equal(first.Leaves[role].Trust, later.Leaves[role].Trust) {
			t.Errorf("what %s trusts changed although the CA did not", role)
		}
	}
}

// For a year and a half, with a look every twenty minutes while something happens: whichever state of the last Overlap a pod still has, it accepts and is accepted by
// the newest one.
func TestPodsThatLagBehindAreUnderstood(t *testing.T) {
	type version struct {
		at time.Time
		State
	}
	states := []version{{begin, next(t, begin, State{})}}
	authorities := 0
	for now := begin; now.Sub(begin) < 550*24*time.Hour; {
		newest := states[len(states)-1]
		if now.Sub(newest.at) < 5*Overlap/2 {
			now = now.Add(20 * time.Minute)
		} else {
			now = now.Add(4 * 24 * time.Hour)
		}
		s, err := Next(now, "chat/demo", wishes, newest.State)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Authority.Cert, newest.Authority.Cert) {
			authorities++
		}
		if cmp.Equal(s, newest.State) {
			continue
		}
		states = append(states, version{now, s})
		for i, old := range states {
			// A pod has a state for some minutes after its successor came: the kubelet takes that long.
			if i+1 < len(states) && now.Sub(states[i+1].at) > 5*time.Minute {
				continue
			}
			for role, wish := range wishes {
				for other := range wishes {
					_, forward := readLeaf(s.Leaves[role].Pair, wish, now, readCertificates(old.Leaves[other].Trust))
					_, back := readLeaf(old.Leaves[role].Pair, wish, now, readCertificates(s.Leaves[other].Trust))
					if !forward || !back {
						t.Fatalf("after %s: a pod of %s that has not heard yet and a new one of %s do not accept each other (%v, %v)", now.Sub(begin), other, role, forward, back)
					}
				}
			}
		}
	}
	if authorities < 2 {
		t.Errorf("in a year and a half the CA was renewed %d times", authorities)
	}
	last := states[len(states)-1]
	if n := len(readCertificates(last.Leaves["chat"].Trust)); n != 1 {
		t.Errorf("in the end %d CAs are trusted, want the newest alone", n)
	}
}

func TestWhatIsBrokenIsMadeAnew(t *testing.T) {
	good := next(t, begin, State{})
	old := begin.Add(-2 * Overlap)
	seasoned := next(t, begin, next(t, old, State{}))
	edit := func(role string, change func(*Leaf)) State {
		s := State{Authority: seasoned.Authority, Leaves: map[string]Leaf{}}
		for r, l := range seasoned.Leaves {
			if r == role {
				change(&l)
			}
			s.Leaves[r] = l
		}
		return s
	}
	cases := map[string]struct {
		reason string
		have   State
		// kept are the roles whose certificates must stay.
		kept []string
	}{
		"NoAuthority":    {"certificates in use stay good without the CA's key", State{Leaves: seasoned.Leaves}, []string{"chat", "gateway"}},
		"BadAuthority":   {"a key that is not the CA's signs nothing", State{Authority: Pair{seasoned.Authority.Cert, good.Authority.Key}, Leaves: seasoned.Leaves}, []string{"chat", "gateway"}},
		"NoLeaf":         {"a role without a certificate gets one at once", edit("chat", func(l *Leaf) { *l = Leaf{} }), []string{"gateway"}},
		"WrongKey":       {"a certificate without its key is none", edit("chat", func(l *Leaf) { l.Key = good.Leaves["chat"].Key }), []string{"gateway"}},
		"AnotherRoles":   {"a gateway's certificate is no chat pod's", edit("chat", func(l *Leaf) { l.Pair = seasoned.Leaves["gateway"].Pair }), []string{"gateway"}},
		"ForeignTrust":   {"nobody gets in by a CA that was slipped in", edit("chat", func(l *Leaf) { l.Trust = append(bytes.Clone(l.Trust), good.Authority.Cert...) }), []string{"chat", "gateway"}},
		"GarbageTrust":   {"what cannot be read trusts nobody", edit("chat", func(l *Leaf) { l.Trust = []byte("garbage") }), []string{"chat", "gateway"}},
		"SinceForgotten": {"without the time it is as if it were new", edit("chat", func(l *Leaf) { l.Since = time.Time{} }), []string{"chat", "gateway"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			now := begin.Add(2 * Overlap)
			got := next(t, now, tc.have)
			for _, role := range tc.kept {
				if !bytes.Equal(got.Leaves[role].Cert, seasoned.Leaves[role].Cert) {
					t.Errorf("%s: the certificate of %s was replaced", tc.reason, role)
				}
			}
			// In the end there is one CA, and everything is signed by it.
			for range 4 {
				now = now.Add(Overlap)
				got = next(t, now, got)
			}
			ca := readCertificates(got.Authority.Cert)
			for role := range wishes {
				if !bytes.Equal(got.Leaves[role].Trust, encode(ca)) {
					t.Errorf("%s: %s trusts more, or less, than the CA", tc.reason, role)
				}
				if !readCertificates(got.Leaves[role].Cert).signedBy(ca[0], now) {
					t.Errorf("%s: %s has a certificate of another CA", tc.reason, role)
				}
			}
		})
	}
}
