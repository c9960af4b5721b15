package fraud

import "github.com/chatcluster/chatcluster/runtime/moderate/reasons"

// What is found. Reasons of one link count once each, whatever the number of links.
var (
	blockedDomain = reasons.Reason{Name: "blocked-domain", Weight: 100}
	lookAlike     = reasons.Reason{Name: "look-alike", Weight: 90}
	domainInHost  = reasons.Reason{Name: "domain-in-host", Weight: 85}
	linkText      = reasons.Reason{Name: "link-text", Weight: 85}
	userDomain    = reasons.Reason{Name: "domain-before-at", Weight: 85}
	brandInDomain = reasons.Reason{Name: "name-in-domain", Weight: 65}
	nearDomain    = reasons.Reason{Name: "near-domain", Weight: 55}
	mixedScripts  = reasons.Reason{Name: "mixed-scripts", Weight: 50}
	userInfo      = reasons.Reason{Name: "user-before-at", Weight: 35}
	ipAddress     = reasons.Reason{Name: "ip-address", Weight: 30}
	encodedDomain = reasons.Reason{Name: "punycode", Weight: 15}
	burstOfLinks  = reasons.Reason{Name: "new-account-burst", Weight: 45}
	newAccount    = reasons.Reason{Name: "new-account", Weight: 10}
	askedByLink   = reasons.Reason{Name: "asks-with-link", Weight: 25}
	ofKind        = [kinds]reasons.Reason{{Name: "credentials", Weight: 35}, {Name: "payment", Weight: 30}, {Name: "urgency", Weight: 15}}
)
