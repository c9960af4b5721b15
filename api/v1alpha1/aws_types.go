package v1alpha1

// AWSSpec is where the AWS services are and how they are reached.
type AWSSpec struct {
	// The Region, such as eu-central-1. It cannot be changed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z0-9-]+$`
	// +required
	Region string `json:"region"`
	// Tags for what the operator creates on AWS, at most 40. Keys that start with "aws:" or "chatcluster.io/" are not
	// allowed. A tag removed here is not removed there.
	// +listType=map
	// +listMapKey=key
	// +kubebuilder:validation:MaxItems=40
	// +optional
	Tags []Tag `json:"tags,omitempty"`
	// Base URLs that replace the Region's own, such as those of a local engine. The operator must allow it
	// (--allow-aws-endpoints).
	// +optional
	Endpoints AWSEndpoints `json:"endpoints,omitzero"`
	// Credentials for places without Pod Identity or IRSA, for the pods and for the operator's own calls for this cluster.
	// +optional
	Credentials AWSCredentials `json:"credentials,omitzero"`
	// The role that the operator and the pods assume for this cluster's calls of DynamoDB and Pinpoint and for IAM
	// authentication, in this or another account. The operator must allow it to this namespace (--assumable-roles). The role's
	// trust policy should ask for the ExternalId "<operator>/<namespace>".
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$`
	// +optional
	AssumeRoleARN string `json:"assumeRoleARN,omitempty"`
}

// Tag is a tag of a resource on AWS.
type Tag struct {
	// The tag's key, at most 128 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('aws:') && !self.startsWith('chatcluster.io/')",message="tag keys that start with 'aws:' or 'chatcluster.io/' are reserved"
	// +required
	Key string `json:"key"`
	// The tag's value, at most 256 characters. Absent means an empty one.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Value string `json:"value,omitempty"`
}

// AWSEndpoints are base URLs by service.
type AWSEndpoints struct {
	// Base URL of DynamoDB, such as http://localhost:8000.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https?://[^\s/]+(/[^\s]*)?$`
	// +optional
	DynamoDB string `json:"dynamoDB,omitempty"`
	// Base URL of Pinpoint.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https?://[^\s/]+(/[^\s]*)?$`
	// +optional
	Pinpoint string `json:"pinpoint,omitempty"`
}

// AWSCredentials name a Secret with credentials.
type AWSCredentials struct {
	// A Secret in this namespace whose key "credentials" holds a file in the AWS shared-credentials format. Its default
	// profile is used. Absent means the default chain: Pod Identity, IRSA, the node's role.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SecretName string `json:"secretName,omitempty"`
}

// SecretKey is a key of a Secret in the same namespace.
type SecretKey struct {
	// The Secret's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// The key in it. Absent means "password", unless said otherwise.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Key string `json:"key,omitempty"`
}
