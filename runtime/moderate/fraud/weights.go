package fraud

import (
	"strconv"
	"strings"
)

// reason is why, and how much it weighs, in percent.
type reason struct {
	name   string
	weight int
}

// What is found. Reasons of one link count once each, whatever the number of links.
var (
	blockedDomain = reason{"blocked-domain", 100}
	lookAlike     = reason{"look-alike", 90}
	domainInHost  = reason{"domain-in-host", 85}
	linkText      = reason{"link-text", 85}
	userDomain    = reason{"domain-before-at", 85}
	brandInDomain = reason{"name-in-domain", 65}
	nearDomain    = reason{"near-domain", 55}
	mixedScripts  = reason{"mixed-scripts", 50}
	userInfo      = reason{"user-before-at", 35}
	ipAddress     = reason{"ip-address", 30}
	encodedDomain = reason{"punycode", 15}
	burstOfLinks  = reason{"new-account-burst", 45}
	newAccount    = reason{"new-account", 10}
	askedByLink   = reason{"asks-with-link", 25}
	ofKind        = [kinds]reason{{"credentials", 35}, {"payment", 30}, {"urgency", 15}}
)

// tally is the reasons for a finding, in the order in which they were found.
type tally struct {
	reasons []reason
	score   int
}

func (t *tally) add(r reason) {
	for _, known := range t.reasons {
		if known.name == r.name {
			return
		}
	}
	t.reasons = append(t.reasons, r)
	t.score = min(t.score+r.weight, 100)
}

// String names each reason with its weight.
func (t *tally) String() string {
	var b strings.Builder
	for i, r := range t.reasons {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.name)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(r.weight))
	}
	return b.String()
}
