package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PinpointSpec is how pushes are sent.
//
// +kubebuilder:validation:XValidation:rule="!has(self.applicationID) || !has(self.channels)",message="pinpoint.channels belong to the ChatCluster's own application: with pinpoint.applicationID, whoever made that sees to them"
// +kubebuilder:validation:XValidation:rule="!has(self.pushDelay) || (duration(self.pushDelay) >= duration('1s') && duration(self.pushDelay) <= duration('1h'))",message="pinpoint.pushDelay must be between 1s and 1h"
type PinpointSpec struct {
	// How long a device has to confirm a message before it gets a push, 1s to 1h. Absent means 10s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	PushDelay *metav1.Duration `json:"pushDelay,omitempty"`
	// An application that is not this ChatCluster's own, such as another's: pushes go through it, and it is neither tagged nor
	// given channels nor deleted. Absent means one of its own. Accounts have about 100 for each Region.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]+$`
	// +optional
	ApplicationID string `json:"applicationID,omitempty"`
	// The platforms that the application pushes to. A platform that is removed here is removed there, if the operator made it.
	// +optional
	Channels ChannelsSpec `json:"channels,omitzero"`
}

// ChannelsSpec are the platforms that pushes go to.
type ChannelsSpec struct {
	// Apple's devices, apps from the store.
	// +optional
	APNS *APNSChannel `json:"apns,omitempty"`
	// Apple's devices, apps under development.
	// +optional
	APNSSandbox *APNSChannel `json:"apnsSandbox,omitempty"`
	// Calls on Apple's devices, apps from the store.
	// +optional
	APNSVoIP *APNSChannel `json:"apnsVoIP,omitempty"`
	// Calls on Apple's devices, apps under development.
	// +optional
	APNSVoIPSandbox *APNSChannel `json:"apnsVoIPSandbox,omitempty"`
	// Android's devices, by Firebase.
	// +optional
	FCM *FCMChannel `json:"fcm,omitempty"`
	// Amazon's devices.
	// +optional
	ADM *ADMChannel `json:"adm,omitempty"`
}

// APNSChannel is how Apple knows the sender: by a key that signs tokens, or by a certificate.
//
// +kubebuilder:validation:XValidation:rule="has(self.token) != has(self.certificate)",message="an APNs channel has either token or certificate"
type APNSChannel struct {
	// A key of the developer's team, for all its apps.
	// +optional
	Token *APNSToken `json:"token,omitempty"`
	// A certificate of one app, which ends every year.
	// +optional
	Certificate *APNSCertificate `json:"certificate,omitempty"`
}

// APNSToken is a signing key.
type APNSToken struct {
	// The Secret with the key, as Apple's .p8 file. Absent key means "key.p8".
	// +required
	KeySecret SecretKey `json:"keySecret"`
	// The key's id, ten characters.
	// +kubebuilder:validation:Pattern=`^[A-Z0-9]{10}$`
	// +required
	KeyID string `json:"keyID"`
	// The team's id, ten characters.
	// +kubebuilder:validation:Pattern=`^[A-Z0-9]{10}$`
	// +required
	TeamID string `json:"teamID"`
	// The app's bundle id.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=155
	// +required
	BundleID string `json:"bundleID"`
}

// APNSCertificate is a client certificate.
type APNSCertificate struct {
	// A Secret of type kubernetes.io/tls in this namespace: tls.crt and tls.key.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	SecretName string `json:"secretName"`
}

// FCMChannel is how Firebase knows the sender.
type FCMChannel struct {
	// The Secret with the service account's JSON file. Absent key means "service-account.json".
	// +required
	ServiceAccountSecret SecretKey `json:"serviceAccountSecret"`
}

// ADMChannel is how Amazon knows the sender.
type ADMChannel struct {
	// A Secret in this namespace with the keys "clientID" and "clientSecret".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	SecretName string `json:"secretName"`
}
