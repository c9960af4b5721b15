package fraud

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// standing is what lists say of a domain.
type standing uint8

const (
	unknown standing = iota
	trusted
	blocked
)

// rules are lists made ready, on top of others.
type rules struct {
	under     *rules
	standings map[string]standing
	// protected are domains; names are those without their suffix, by their shape; near are the names by how long they are.
	protected map[string]bool
	names     map[string]string
	near      map[int][]string
	phrases   phrases
}

func newRules(under *rules, files []*List) *rules {
	r := &rules{under: under, standings: map[string]standing{}, protected: map[string]bool{}, names: map[string]string{}, near: map[int][]string{}, phrases: phrases{}}
	for _, f := range files {
		for _, s := range f.Protect {
			r.protect(domain(s))
		}
		for _, s := range f.Allow {
			r.standings[domain(s)] = max(r.standings[domain(s)], trusted)
		}
		for _, s := range f.Block {
			r.standings[domain(s)] = blocked
		}
		r.phrases.add(credentials, f.Credentials)
		r.phrases.add(payment, f.Payment)
		r.phrases.add(urgency, f.Urgency)
	}
	return r
}

func (r *rules) protect(d string) {
	r.protected[d] = true
	r.standings[d] = max(r.standings[d], trusted)
	name := nameOf(d)
	r.names[shape(name)] = name
	if n := len([]rune(name)); n >= minNear {
		r.near[n] = append(r.near[n], name)
	}
}

// nameOf is what somebody has registered, without its suffix.
func nameOf(d string) string {
	suffix, _ := publicsuffix.PublicSuffix(d)
	return strings.TrimSuffix(strings.TrimSuffix(d, suffix), ".")
}

// standing returns what the lists say of a host: the longest of its domains that one has counts, and a tenant's lists before those below.
func (r *rules) standing(host string) standing {
	for ; r != nil; r = r.under {
		for d := host; d != ""; {
			if s := r.standings[d]; s != unknown {
				return s
			}
			_, d, _ = strings.Cut(d, ".")
		}
	}
	return unknown
}

func (r *rules) isProtected(d string) bool {
	for ; r != nil; r = r.under {
		if r.protected[d] {
			return true
		}
	}
	return false
}

// name returns the protected name that has a shape.
func (r *rules) name(shape string) string {
	for ; r != nil; r = r.under {
		if name, ok := r.names[shape]; ok {
			return name
		}
	}
	return ""
}

// isNear says that a name is one letter from a protected one.
func (r *rules) isNear(name string) bool {
	n := len([]rune(name))
	for ; r != nil; r = r.under {
		for length := n - 1; length <= n+1; length++ {
			for _, p := range r.near[length] {
				if p != name && oneApart([]rune(p), []rune(name)) {
					return true
				}
			}
		}
	}
	return false
}
