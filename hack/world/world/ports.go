package world

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

// NodeIP is the node's address inside every world; engines and the API server listen on it.
const NodeIP = "10.99.0.1"

// DNSIP is the cluster DNS Service's address inside every world.
const DNSIP = "10.96.0.10"

// DefaultPortBase is where the host ports of the default world begin.
const DefaultPortBase = 18000

// Port is one port that the host's loopback forwards into the world.
type Port struct {
	Name   string // in world.json
	Offset int    // from the port base
	Inside string // what it reaches inside
	Node   bool   // exists only with Kubernetes
}

// Service names of Ports, for lookups.
const (
	PortDynamoDB = "dynamodb"
	PortGateway  = "gateway"
	PortSink     = "sink"
	PortIssuer   = "issuer"
	PortKafka    = "kafka"
	PortRedis    = "redis"
	PortPostgres = "postgres"
	PortAPI      = "kube-apiserver"
	PortProxy    = "proxy"
)

// SampleGateway is where the gateway of config/samples/chatcluster.yaml is found inside the world.
const SampleGateway = "demo-gateway.chat.svc.cluster.local:80"

// Ports are all forwarded ports in their fixed order. The proxy speaks HTTP CONNECT and reaches any address or
// Service name of the world: for what has no port of its own.
func Ports() []Port {
	return []Port{
		{Name: PortDynamoDB, Offset: 0, Inside: NodeIP + ":8000"},
		{Name: PortSink, Offset: 81, Inside: NodeIP + ":8081"},
		{Name: PortIssuer, Offset: 82, Inside: NodeIP + ":8082"},
		{Name: PortKafka, Offset: 92, Inside: NodeIP + ":19092"},
		{Name: PortRedis, Offset: 379, Inside: NodeIP + ":6379"},
		{Name: PortPostgres, Offset: 432, Inside: NodeIP + ":5432"},
		{Name: PortProxy, Offset: 88},
		{Name: PortGateway, Offset: 80, Inside: SampleGateway, Node: true},
		{Name: PortAPI, Offset: 443, Inside: NodeIP + ":6443", Node: true},
	}
}

// PlanPorts gives every port of a world its host port: what was recorded before, else base + offset, else (base 0)
// zero, which asks the kernel for a free one.
func PlanPorts(base int, enginesOnly bool, recorded map[string]int) map[string]int {
	plan := map[string]int{}
	for _, p := range Ports() {
		switch {
		case p.Node && enginesOnly:
		case base > 0:
			plan[p.Name] = base + p.Offset
		default:
			plan[p.Name] = recorded[p.Name]
		}
	}
	return plan
}

// Listen opens the planned ports on the host's loopback, in the order of Ports. A recorded ephemeral port that
// another process has taken meanwhile is replaced by a free one; a fixed port that is taken is an error.
func Listen(ctx context.Context, plan map[string]int, fixed bool) ([]*net.TCPListener, map[string]int, error) {
	var (
		listeners []*net.TCPListener
		lc        net.ListenConfig
	)
	got := map[string]int{}
	for _, p := range Ports() {
		want, ok := plan[p.Name]
		if !ok {
			continue
		}
		l, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(want)))
		if err != nil && !fixed {
			l, err = lc.Listen(ctx, "tcp4", "127.0.0.1:0")
		}
		if err != nil {
			for _, open := range listeners {
				_ = open.Close()
			}
			return nil, nil, fmt.Errorf("host port for %s: %w (choose others with --port-base)", p.Name, err)
		}
		tcp := l.(*net.TCPListener)
		listeners = append(listeners, tcp)
		got[p.Name] = tcp.Addr().(*net.TCPAddr).Port
	}
	return listeners, got, nil
}
