package chatcluster

import (
	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// gate is what must hold before a role rolls to the wanted image and configuration. It is pure. While it is closed the
// previous ones stay.
type gate struct {
	name string
	// roles are those that it holds back, nil for all.
	roles map[string]bool
	open  func(*facts) (reason, message string, ok bool)
}

// gates are asked in this order; the first that is closed is shown.
var gates = []gate{
	{name: "policy", open: func(f *facts) (string, string, bool) { return hold(f.policy, "the issuers to be allowed") }},
	{name: "secrets", open: func(f *facts) (string, string, bool) {
		if f.secrets.ready() {
			return "", "", true
		}
		reason, message := f.secrets.explain()
		return reason, message, false
	}},
	{name: "tables", open: func(f *facts) (string, string, bool) { return hold(f.tables, "the tables to be ACTIVE") }},
	{name: "topics", open: func(f *facts) (string, string, bool) { return hold(f.topics, "the topics to exist") }},
	{name: "schema", open: func(f *facts) (string, string, bool) { return hold(f.schema, "the schema migration of this image") }},
	{
		name:  "application",
		roles: map[string]bool{workload.RoleNotify: true},
		open: func(f *facts) (string, string, bool) {
			if f.application != "" {
				return "", "", true
			}
			return v1alpha1.ReasonPending, "waits for the push application", false
		},
	},
	{
		name:  "certificates",
		roles: map[string]bool{workload.RoleChat: true, workload.RoleGateway: true, workload.RoleAdmin: true},
		open:  func(f *facts) (string, string, bool) { return hold(f.certificates, "the certificates") },
	},
	// The order: who is called comes before who calls, and gateways, whose clients have to come back, when all else is done. A new
	// image that does not get ready gets no further than where it failed.
	{
		name: "chat",
		roles: map[string]bool{
			workload.RoleNotify: true, workload.RoleProject: true, workload.RoleGateway: true, workload.RoleAdmin: true,
			workload.RoleSpam: true, workload.RoleProfanity: true, workload.RoleFraud: true, workload.RoleAnalytics: true, workload.RoleAudit: true,
		},
		open: rolledOut(workload.RoleChat),
	},
	{
		name:  "processors",
		roles: map[string]bool{workload.RoleGateway: true},
		open:  rolledOut(append([]string{workload.RoleNotify, workload.RoleProject}, workload.Processors...)...),
	},
}

// rolledOut is open when these roles have rolled out. One that is held back by a gate of its own holds nobody: without a push
// application people still chat.
func rolledOut(roles ...string) func(*facts) (reason, message string, ok bool) {
	return func(f *facts) (string, string, bool) {
		for _, role := range roles {
			switch one := f.roles[role]; {
			case one.ready(), f.held[role]:
			case fault.IsTerminal(one.err):
				return v1alpha1.ReasonPending, "is held back because " + role + " does not get ready", false
			default:
				return v1alpha1.ReasonPending, "waits for " + role + " to be ready", false
			}
		}
		return "", "", true
	}
}

func hold(f fact, what string) (reason, message string, ok bool) {
	if f.ready() {
		return "", "", true
	}
	return v1alpha1.ReasonPending, "waits for " + what, false
}

// closedGate returns why a role may not roll now; ok is true when it may.
func closedGate(role string, f *facts) (reason, message string, ok bool) {
	for _, g := range gates {
		if g.roles != nil && !g.roles[role] {
			continue
		}
		if reason, message, ok := g.open(f); !ok {
			return reason, message, false
		}
	}
	return "", "", true
}
