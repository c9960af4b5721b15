// Package rest is the REST API under /v1, as docs/openapi.yaml describes it: routes, what is around every one of them (origins,
// request ids, authentication, rate limits, problems), and a file for each thing that clients ask about.
//
// # What it decides and what not
//
// Handlers check the form of what is asked and whether the asker belongs to the conversation; whether a member may change something is
// the chat lane's to say: everything that appends an entry is a send with the request's Idempotency-Key as its client_msg_id and
// no device, so that a retry on REST or on a socket finds the same entry. A handler returns what to answer or an error; one place
// makes problems (RFC 9457) of errors. What is not a refusal is ours: logged, and answered with a code that may be retried.
//
// # Concurrency and lifecycle
//
// An API has no goroutines. It is safe for concurrent use and holds nothing but the rate limits, which are bounded. Requests end with
// their context, at the latest after Timeout.
//
// # Invariants
//
//   - Keys are made of the principal's tenant and what the request names: nothing of another tenant can be asked for.
//   - A conversation of which the user never was a member looks like one that does not exist.
//   - Every error is a problem, whoever raises it. Tokens, push tokens and bodies of messages are in no log and no error.
//   - Nothing is read or allocated before its size is known to be within a bound.
package rest
