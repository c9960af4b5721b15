// Package sink stands in for Amazon Pinpoint (AWS End User Messaging Push), which has no engine to run locally. It speaks
// the REST-JSON calls that outlive Pinpoint's end of support and that ChatCluster uses: applications, tags, the APNs
// (all four), GCM and ADM channels, and SendMessages to addresses; and it shows what each phone would show, as a page
// and as JSON.
//
// It is a development tool. It keeps and shows the bodies of pushes to whoever can reach it, it wants a Signature
// Version 4 header but does not verify it, and it sends nothing to any phone. Never run it where pushes are real.
//
// # What it shows
//
//	GET /                        the phones, refreshing by itself
//	GET /messages                the same as JSON (View); ?address= and ?application= narrow it
//	DELETE /messages             forgets all pushes; takes the same parameters
//
//	POST /faults                 SendMessages answers as the Fault says, for the addresses that it fits
//	GET /faults                  the faults that are left
//	DELETE /faults               forgets them
//
// A phone is an application, a channel and an address (a push token). Its messages are what its screen would show: a push
// replaces an earlier one with the same collapse id, and counts how many it stands for. All is every push that came, in
// order.
//
// # Faults
//
// A Fault makes every failure happen that a platform or the service can answer with: any result of an address with any
// StatusMessage, an address that is missing in the answer, a call that fails, is throttled or slow, and a connection that ends
// before anything was taken, or after everything was.
//
//	{"prefix": "dead-", "delivery_status": "PERMANENT_FAILURE", "status_code": 410, "status_message": "{\"pushProviderStatusCode\":\"410\"}"}
//	{"next": 3, "http_status": 429, "error_type": "TooManyRequestsException"}
//	{"next": 1, "drop": "after"}
//	{"prefix": "slow-", "delay_ms": 12000}
//
// # Concurrency and lifecycle
//
// A Sink is an http.Handler, safe for concurrent use, with one mutex over its state and no goroutine of its own: there is
// nothing to close. With Options.StatePath, applications and channels (never their credentials, never pushes) are
// written to that file before a call that changes them is answered, so a sink that starts again keeps its applications'
// ids.
//
// # Invariants
//
// Credentials of channels are checked for form and dropped. Memory is bounded: 100 applications (as in an AWS account),
// Options.MaxMessages pushes of at most a payload each, requests of at most 1 MiB. A call that fails changes nothing.
package sink
