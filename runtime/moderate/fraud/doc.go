// Package fraud finds what is made to deceive: links to look-alikes of known domains, links that are not what they show, the phrases of phishing, and
// new accounts that send links around.
//
// # What is looked at
//
// Every link (package links) is held against the protected domains: the same letters but for look-alikes and digits, one letter more, less or other, a protected
// domain or name within a host that is somebody else's. So are what is before an @, the text that Markdown shows, addresses of IP, and
// scripts mixed in a name. What lists block is blocked, with all of its subdomains; what they allow, or protect, is trusted. Phrases are
// grouped: what asks for credentials, for money, and what hurries. A phrase alone is weak; with a link to where nobody vouches for, it is not.
//
// A finding's score is the sum of its reasons' weights, 100 at most, and its reason names each with its weight: "look-alike:90,credentials:30".
//
// # State
//
// When a sender was first seen, and the links that it sent lately, are remembered through State. Without it, or while it does not answer, new accounts
// are not known: the finding may be weaker, no message waits.
//
// # Concurrency and lifecycle
//
// A Detector is safe for concurrent use. Its one goroutine is whoever calls Run, which follows the folder of lists; lists in use never change.
package fraud
