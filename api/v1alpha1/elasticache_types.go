package v1alpha1

// ElastiCacheSpec is the Redis cache.
//
// +kubebuilder:validation:XValidation:rule="!has(self.authentication) || self.authentication != 'IAM' || (has(self.username) && has(self.cacheName) && !has(self.passwordSecret) && (!has(self.tls) || self.tls))",message="elastiCache.authentication IAM needs username, cacheName and TLS, and has no passwordSecret"
// +kubebuilder:validation:XValidation:rule="!has(self.caSecret) || !has(self.tls) || self.tls",message="elastiCache.caSecret is for TLS: remove it, or do not set elastiCache.tls to false"
// +kubebuilder:validation:XValidation:rule="!has(self.serverless) || !self.serverless || (has(self.clusterMode) && self.clusterMode && (!has(self.tls) || self.tls))",message="ElastiCache Serverless is always sharded and always TLS: set elastiCache.clusterMode, and leave elastiCache.tls out"
type ElastiCacheSpec struct {
	// Addresses, host:port, 1 to 32: one for a single server, several or the configuration endpoint in cluster mode.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=320
	// +kubebuilder:validation:items:Pattern=`^[^\s:/]+:[0-9]{1,5}$`
	// +required
	Addresses []string `json:"addresses"`
	// Whether the cache is sharded (Redis Cluster). ElastiCache Serverless always is.
	// +optional
	ClusterMode bool `json:"clusterMode,omitempty"`
	// Whether the cache is reached over TLS. Absent means true.
	// +optional
	TLS *bool `json:"tls,omitempty"`
	// The Secret with the certificate authorities that the cache's certificate is checked against, PEM. Absent means the public
	// ones, which ElastiCache's certificates come from. Absent key means "ca.crt".
	// +optional
	CASecret SecretKey `json:"caSecret,omitzero"`
	// Password (none where passwordSecret is absent), or IAM: the operator and the pods log in with tokens of their own AWS
	// identity, or of aws.assumeRoleARN. Absent means Password.
	// +kubebuilder:validation:Enum=Password;IAM
	// +optional
	Authentication string `json:"authentication,omitempty"`
	// The replication group's or serverless cache's name, which IAM's tokens are made for.
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9-]*$`
	// +optional
	CacheName string `json:"cacheName,omitempty"`
	// Whether it is ElastiCache Serverless, which IAM's tokens must say.
	// +optional
	Serverless bool `json:"serverless,omitempty"`
	// The user to log in as. Absent means the default user.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Username string `json:"username,omitempty"`
	// The Secret with the user's password or the cache's AUTH token. Absent means none. A changed one is used from the next
	// connection on.
	// +optional
	PasswordSecret *SecretKey `json:"passwordSecret,omitempty"`
}
