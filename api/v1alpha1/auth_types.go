package v1alpha1

// AuthSpec is whose tokens are accepted.
type AuthSpec struct {
	// Issuers of tokens, 1 to 64. A pair of issuer and audience stands once and speaks for one tenant.
	// +listType=map
	// +listMapKey=issuer
	// +listMapKey=audience
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +required
	Issuers []Issuer `json:"issuers"`
}

// Issuer signs the tokens of one tenant's users.
//
// +kubebuilder:validation:XValidation:rule="!has(self.webClient) || self.issuer.matches('^https?://[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?(/[a-zA-Z0-9._~/-]*)?$')",message="an issuer with a webClient must be a URL, such as https://id.example.com/realms/chat: browsers find its OpenID configuration there"
type Issuer struct {
	// The tenant whose users it speaks for.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]+$`
	// +required
	Tenant string `json:"tenant"`
	// The tokens' iss claim, exactly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +required
	Issuer string `json:"issuer"`
	// The tokens' aud claim, exactly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +required
	Audience string `json:"audience"`
	// Where the issuer's public keys are (JWKS). It must be https unless the operator allows others
	// (--allow-insecure-issuers).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^\s/]+(/[^\s]*)?$`
	// +required
	JWKSURL string `json:"jwksURL"`
	// How people sign in with the web client (OpenID Connect, authorization code with PKCE). Absent means that they cannot at this
	// issuer. It is for browsers, so the issuer must be where they reach it. Issuers of ChatTenants have none: their users paste a token.
	// +optional
	WebClient *IssuerWebClient `json:"webClient,omitempty"`
}

const (
	// WebClientEnabled has gateways serve the web client.
	WebClientEnabled = "Enabled"
	// WebClientDisabled has them serve none.
	WebClientDisabled = "Disabled"

	// TokenAccess has the web client show the issuer's access token to the gateway.
	TokenAccess = "AccessToken"
	// TokenID has it show the ID token.
	TokenID = "IDToken"
)

// IssuerWebClient is the web client as the issuer knows it: a public client, without a secret, whose redirect URI is the web client's
// address, such as https://chat.example.com/app/.
type IssuerWebClient struct {
	// Its client id. Everybody who opens the page sees it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +required
	ClientID string `json:"clientID"`
	// The scopes to ask for, at most 16; openid must be among them, and offline_access has many issuers give out refresh tokens. Absent
	// means openid.
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^[\x21\x23-\x5b\x5d-\x7e]+$`
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || 'openid' in self",message="webClient.scopes must hold openid: without it the issuer only authorizes and signs nobody in"
	// +optional
	Scopes []string `json:"scopes,omitempty"`
	// Which token the gateway is shown: AccessToken, or IDToken where access tokens have no audience or are no JWTs (Amazon Cognito,
	// Google). Its aud claim must be the issuer's audience. Absent means AccessToken.
	// +kubebuilder:validation:Enum=AccessToken;IDToken
	// +optional
	Token string `json:"token,omitempty"`
	// Further origins that a sign-in talks to, where the token endpoint is not at the issuer's own, such as
	// https://example.auth.us-east-1.amazoncognito.com; at most 8. Pages of the web client may connect to the gateways, to issuers, and to these.
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^https?://[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?$`
	// +optional
	Origins []string `json:"origins,omitempty"`
}
