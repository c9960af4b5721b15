package pki

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"maps"
	"slices"
	"time"
)

const (
	// AuthorityLife is how long a CA is valid.
	AuthorityLife = 365 * 24 * time.Hour
	// LeafLife is how long a certificate is valid.
	LeafLife = 30 * 24 * time.Hour
	// Overlap is how long a new CA is trusted before it signs, and an old one after. A kubelet takes some two minutes to bring a
	// changed Secret into a pod.
	Overlap = time.Hour
)

// Pair is a certificate and its key, in PEM.
type Pair struct{ Cert, Key []byte }

// Leaf is what a role has.
type Leaf struct {
	Pair
	// Trust are the CAs that it trusts, in PEM.
	Trust []byte
	// Since is when the youngest of them was added; zero when that is not known.
	Since time.Time
}

// State is all certificates of a ChatCluster, by role.
type State struct {
	Authority Pair
	Leaves    map[string]Leaf
}

// Wish is what a role's certificate says. It has at least one usage.
type Wish struct {
	Host   string
	Usages []x509.ExtKeyUsage
}

// Next is what should be there now, given what is. name is in the subject of a new CA. What cannot be read is made anew.
func Next(now time.Time, name string, wishes map[string]Wish, have State) (State, error) {
	ca, err := readAuthority(have.Authority)
	next := State{Authority: have.Authority, Leaves: map[string]Leaf{}}
	if err != nil || due(ca.cert, now) {
		if ca, next.Authority, err = newAuthority(now, name); err != nil {
			return have, err
		}
	}
	trusted := trustedEverywhere(ca.cert, now, wishes, have)
	known := knownAuthorities(now, wishes, have)
	var inUse []chain
	for role, wish := range wishes {
		leaf := have.Leaves[role]
		certs, usable := readLeaf(leaf.Pair, wish, now, append(slices.Clone(known), ca.cert))
		if !usable || trusted && (due(certs[0], now) || !certs.signedBy(ca.cert, now)) {
			if certs, leaf.Pair, err = ca.sign(now, wish); err != nil {
				return have, err
			}
		}
		next.Leaves[role] = leaf
		inUse = append(inUse, certs)
	}
	trust := bundle(now, ca.cert, known, inUse)
	for role, leaf := range next.Leaves {
		if leaf.Since.IsZero() || !containsAll(readCertificates(leaf.Trust), trust) {
			leaf.Since = now.UTC().Truncate(time.Second)
		}
		leaf.Trust = encode(trust)
		next.Leaves[role] = leaf
	}
	return next, nil
}

// Due is when Next has something to do the next time, if nobody else changes what it made.
func Due(now time.Time, made State) time.Time {
	next := now.Add(AuthorityLife)
	at := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	certs := readCertificates(made.Authority.Cert)
	for _, leaf := range made.Leaves {
		own := readCertificates(leaf.Cert)
		if len(own) > 0 {
			at(issued(own[0]).Add(Overlap))
		}
		at(leaf.Since.Add(Overlap))
		certs = slices.Concat(certs, own, readCertificates(leaf.Trust))
	}
	for _, c := range certs {
		at(renewal(c))
		at(c.NotAfter)
	}
	return next.Add(time.Second) // what is due is due after that moment
}

// renewal is when two thirds of a certificate's lifetime have passed.
func renewal(c *x509.Certificate) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 3 * 2)
}

// due tells whether two thirds of a certificate's lifetime have passed.
func due(c *x509.Certificate, now time.Time) bool {
	return now.After(renewal(c))
}

// trustedEverywhere tells whether every role has trusted ca for so long that every pod does.
func trustedEverywhere(ca *x509.Certificate, now time.Time, wishes map[string]Wish, have State) bool {
	for role := range wishes {
		leaf := have.Leaves[role]
		if leaf.Since.IsZero() || now.Sub(leaf.Since) < Overlap || !containsAll(readCertificates(leaf.Trust), chain{ca}) {
			return false
		}
	}
	return true
}

// knownAuthorities are the CAs that any role trusts, as far as they are valid.
func knownAuthorities(now time.Time, wishes map[string]Wish, have State) chain {
	var known chain
	for _, role := range slices.Sorted(maps.Keys(wishes)) {
		for _, c := range readCertificates(have.Leaves[role].Trust) {
			if c.IsCA && now.Before(c.NotAfter) && !containsAll(known, chain{c}) {
				known = append(known, c)
			}
		}
	}
	return known
}

// bundle is what every role is to trust: ca, and of the others those that a certificate in use is signed by. For a while after
// a certificate was replaced that is all of them, because pods may still have the one before.
func bundle(now time.Time, ca *x509.Certificate, known chain, inUse []chain) chain {
	list := chain{ca}
	for _, c := range known {
		if c.Equal(ca) {
			continue
		}
		if slices.ContainsFunc(inUse, func(leaf chain) bool { return leaf.signedBy(c, now) || now.Sub(issued(leaf[0])) < Overlap }) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list[1:], func(a, b *x509.Certificate) int {
		return cmp.Or(b.NotBefore.Compare(a.NotBefore), bytes.Compare(a.Raw, b.Raw))
	})
	return list
}

func containsAll(list, wanted chain) bool {
	for _, w := range wanted {
		if !slices.ContainsFunc(list, w.Equal) {
			return false
		}
	}
	return true
}
