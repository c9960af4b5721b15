// Package observability checks rules, alerts, dashboards and runbooks against each other and against the metrics that the code has:
// docs/metrics-chatd.md and docs/metrics-manager.md, which tests beside the code hold to what is registered.
package observability
