// Package admin is the role that serves /admin/v1, as docs/admin-openapi.yaml describes it: what administrators, moderators and auditors do. It has a
// port of its own, which is nobody's but theirs.
//
// # Who may what
//
// Tokens are verified as a gateway's are; what one may do is in its scope. A tenant's issuer speaks for its own tenant alone: another one that is named looks
// like one that does not exist. Who tends the platform (auth.Admin) names the tenant with every request. A moderator reads messages around one on which there
// is a verdict, and nowhere else: who wants to see another has to judge it first, which everybody can see.
//
// # What is audited
//
// Every call of somebody who is known, refused ones included: who, what, about whom, and how it ended. What is read is shown when its record has been
// taken by Kafka, and not before. A change has two records: that it is asked for, without which nothing is done, and how it ended. What an
// operator of the platform does is in the tenant's log, without a name, and with it in the platform's own.
//
// # Verdicts
//
// A decision is an entry of the conversation's log, like every verdict: given by the moderator as a member of no conversation. The queue
// follows from the log (package readmodel), so a decision shows there a moment later; deciding the same again changes nothing.
//
// # Concurrency and lifecycle
//
// An Admin is safe for concurrent use. Run serves until its context ends, lets requests end, and returns when nothing of it runs any more.
package admin
