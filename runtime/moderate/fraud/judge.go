package fraud

import (
	"strings"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/links"
	"github.com/chatcluster/chatcluster/runtime/moderate/reasons"
	"github.com/chatcluster/chatcluster/runtime/moderate/skeleton"
)

// lures are words that stand beside a name that somebody imitates.
var lures = map[string]bool{}

func init() {
	for _, w := range strings.Fields("account accounts alert auth authenticate bank billing bonus claim client confirm customer gift help id info invoice login logon mail member pay payment portal prize recover recovery refund reset reward secure security service services signin sso support team unlock update validate verification verify wallet web") {
		lures[w] = true
	}
}

// suspect is a message under judgement.
type suspect struct {
	reasons.Tally
	// links are those that nobody vouches for; guilty are the spans of those with a reason against them.
	links  []links.Link
	guilty []moderate.Span
}

// look looks at a body by itself.
func (r *rules) look(body string) *suspect {
	s := &suspect{}
	for _, l := range links.Find(body) {
		if r.standing(l.Host) == trusted && !strings.Contains(l.User, ".") {
			continue
		}
		s.links = append(s.links, l)
		var against reasons.Tally
		r.link(&against, l)
		s.AddAll(&against)
		if against.Score() > 0 {
			s.guilty = append(s.guilty, moderate.Span{Start: l.Start, Length: l.Length})
		}
	}
	var found [kinds]bool
	text := strings.Fields(skeleton.Text(body))
	for under := r; under != nil; under = under.under {
		under.phrases.find(text, &found)
	}
	for k, is := range found {
		if is {
			s.Add(ofKind[k])
		}
	}
	if len(s.links) > 0 && anyOf(found) {
		s.Add(askedByLink)
	}
	return s
}

// link adds what is wrong with a link.
func (r *rules) link(s *reasons.Tally, l links.Link) {
	if r.standing(l.Host) == blocked {
		s.Add(blockedDomain)
	}
	if shown := links.Find(l.Text); len(shown) > 0 && shown[0].Domain != l.Domain {
		s.Add(linkText)
	}
	switch {
	case strings.Contains(l.User, "."):
		s.Add(userDomain)
	case l.User != "":
		s.Add(userInfo)
	}
	if l.IP {
		s.Add(ipAddress)
		return
	}
	if r.standing(l.Host) == trusted {
		return
	}
	if l.Encoded {
		s.Add(encodedDomain)
	}
	if mixed(l.Host) {
		s.Add(mixedScripts)
	}
	r.imitates(s, l)
}

// minImitated is how many bytes a name needs to be taken for another's.
const minImitated = 4

// imitates holds a host against the protected domains.
func (r *rules) imitates(s *reasons.Tally, l links.Link) {
	name := nameOf(l.Domain)
	imitated := r.name(shape(name))
	if len(name) < minImitated {
		imitated = "" // a name of three letters looks like many others'
	}
	switch {
	case imitated != "" && imitated != name:
		s.Add(lookAlike)
		return
	case imitated != "":
		return // the same name under another suffix: mostly its owner's
	}
	sub := strings.TrimSuffix(strings.TrimSuffix(l.Host, l.Domain), ".")
	if r.hasProtected(sub) {
		s.Add(domainInHost)
		return
	}
	if r.lures(strings.FieldsFunc(name, separates), strings.FieldsFunc(sub, separates)) {
		s.Add(brandInDomain)
		return
	}
	if r.isNear(name) {
		s.Add(nearDomain)
	}
}

func separates(c rune) bool { return c == '-' || c == '_' || c == '.' }

// hasProtected says that labels before somebody's domain spell a protected one.
func (r *rules) hasProtected(sub string) bool {
	labels := strings.Split(sub, ".")
	for i := range labels {
		for n := 2; n <= 3 && i+n <= len(labels); n++ {
			if r.isProtected(strings.Join(labels[i:i+n], ".")) {
				return true
			}
		}
	}
	return false
}

// lures says that a host has a protected name beside a word that lures, or all by itself before somebody's domain.
func (r *rules) lures(name, sub []string) bool {
	var brand, lure bool
	for i, word := range append(name[:len(name):len(name)], sub...) {
		switch {
		case lures[word]:
			lure = true
		case len(word) >= 4 && r.name(shape(word)) != "":
			brand = true
			lure = lure || i >= len(name)
		}
	}
	return brand && lure
}
