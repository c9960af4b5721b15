package workload

// Keys of the Secrets with the certificates of gateways and chat pods; cert-manager's are the same.
const (
	CertificateFile = "tls.crt"
	KeyFile         = "tls.key"
	CAFile          = "ca.crt"
)

// AuthorityName is the name of the Secret with the ChatCluster's own CA. No pod mounts it.
func (c Cluster) AuthorityName() string { return c.ChildName("internal-ca") }

// CertificateName is the name of the Secret with a role's certificate. It is the same whoever makes the certificate.
func (c Cluster) CertificateName(role string) string { return c.ChildName(role + "-tls") }

// CertificateHost is the DNS name in a role's certificate: that of its Service.
func (c Cluster) CertificateHost(role string) string {
	return c.ChildName(role) + "." + c.Namespace + ".svc"
}

// SecuredRoles are the roles whose pods have a certificate: gateways connect to chat pods.
func (c Cluster) SecuredRoles() []string {
	if !*c.Spec.InternalTLS.Enabled {
		return nil
	}
	return []string{RoleChat, RoleGateway}
}

// Certificate has cert-manager make and renew a role's certificate.
func (c Cluster) Certificate(role string) Object {
	issuer := c.Spec.InternalTLS.IssuerRef
	// Chat pods serve gateways and each other.
	usages := []string{"digital signature", "server auth", "client auth"}
	if role == RoleGateway {
		usages = []string{"digital signature", "client auth"}
	}
	host := c.CertificateHost(role)
	return c.object(CertificateKind, role, role, map[string]any{
		"secretName":  c.CertificateName(role),
		"dnsNames":    []string{host},
		"duration":    "720h0m0s",
		"renewBefore": "240h0m0s",
		"privateKey":  map[string]any{"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
		"usages":      usages,
		"issuerRef":   map[string]any{"name": issuer.Name, "kind": issuer.Kind, "group": issuer.Group},
	})
}
