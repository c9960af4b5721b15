// Package gatewaytest is a small world for tests of gateways and clients: real gateways on loopback, a real store in memory, and
// chat pods that speak the real service and do as a test tells them: refuse, hold back, lose deliveries, drain, die.
//
// A World ends with its test; everything in it is safe for concurrent use.
package gatewaytest
