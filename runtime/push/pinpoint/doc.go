// Package pinpoint sends pushes through AWS End User Messaging Push, the part of Amazon Pinpoint that lives on: SendMessages
// to addresses, up to 100 in a call. Endpoints, segments and templates ended on 2026-10-30 and are not used.
//
// # How a batch is sent
//
// Messages that differ in nothing but their device share a call, whatever their channels; a few calls are under way at once. The
// badge is APNs's alone, so pushes to other platforms share calls whatever theirs is. Each call has a deadline. Throttled
// and temporary failures are repeated with exponential backoff and full jitter, a bounded number of times, for the addresses
// that they befell; a repeat may double a push that was accepted without an answer, which the collapse id hides.
//
// # Reading the answer
//
// The service answers 200 with a result per address, and passes on what the platform said as JSON in StatusMessage. What the
// platform said outranks the service's own words: it calls a token that does not fit the channel's environment
// "Unregistered or expired" with StatusCode 410 while the platform said 400 BadDeviceToken, and taking its word for that would
// delete every token of a misconfigured application. Only the platform's own 410 or Unregistered makes a token Unregistered.
// Anything that cannot be read is kept from both extremes: no token is deleted for it and no push counts as delivered.
//
// # Concurrency and lifecycle
//
// A Sender has no state; it is safe for concurrent use and has nothing to close. Callers bound the concurrency.
package pinpoint
