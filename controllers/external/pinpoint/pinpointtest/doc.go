// Package pinpointtest is Pinpoint's applications in memory, for the operator's tests. It is safe for concurrent use.
package pinpointtest
