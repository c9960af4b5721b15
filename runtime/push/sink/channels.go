package sink

import (
	"encoding/json"
	"net/http"
)

// channel is how an application reaches one platform. Credentials are not in it.
type channel struct {
	Platform string `json:"platform"`
	Enabled  bool   `json:"enabled"`
	Method   string `json:"method,omitempty"` // DefaultAuthenticationMethod
	HasToken bool   `json:"hasToken"`         // the APNs key, or the FCM service account
	Created  string `json:"created"`
	Modified string `json:"modified"`
	Version  int    `json:"version"`
}

// platforms are the channels that live on, by their name in the path.
var platforms = map[string]string{
	"apns":              "APNS",
	"apns_sandbox":      "APNS_SANDBOX",
	"apns_voip":         "APNS_VOIP",
	"apns_voip_sandbox": "APNS_VOIP_SANDBOX",
	"gcm":               "GCM",
	"adm":               "ADM",
}

// channelRequest is the union of the update calls' requests.
type channelRequest struct {
	Enabled                     *bool
	DefaultAuthenticationMethod string
	// APNs, by certificate or by key.
	Certificate, PrivateKey string
	BundleID                string `json:"BundleId"`
	TeamID                  string `json:"TeamId"`
	TokenKey                string
	TokenKeyID              string `json:"TokenKeyId"`
	ServiceJSON             string `json:"ServiceJson"` // GCM
	APIKey                  string `json:"ApiKey"`      // GCM, the method that Google ended
	ClientID                string `json:"ClientId"`    // ADM
	ClientSecret            string // ADM
}

// given says whether there is any credential, and whether it is a token's.
func (in channelRequest) given(platform string) (some, token bool, err error) {
	switch platform {
	case "GCM":
		if in.APIKey != "" {
			return false, false, badRequest("ApiKey is no longer served by Google: use ServiceJson.")
		}
		var account struct {
			ProjectID string `json:"project_id"`
		}
		if in.ServiceJSON != "" && (json.Unmarshal([]byte(in.ServiceJSON), &account) != nil || account.ProjectID == "") {
			return false, false, badRequest("ServiceJson is not the file of a service account.")
		}
		return in.ServiceJSON != "", in.ServiceJSON != "", nil
	case "ADM":
		if (in.ClientID == "") != (in.ClientSecret == "") {
			return false, false, badRequest("ADM needs ClientId and ClientSecret.")
		}
		return in.ClientID != "", false, nil
	default:
		if in.TokenKey != "" && (in.TokenKeyID == "" || in.TeamID == "" || in.BundleID == "") {
			return false, false, badRequest("TokenKey needs TokenKeyId, TeamId and BundleId.")
		}
		return in.TokenKey != "" || in.Certificate != "", in.TokenKey != "", nil
	}
}

// at returns the application and the channel's platform. The caller holds the mutex.
func (s *Sink) at(r *request) (a *app, name, platform string, err error) {
	if a, err = s.app(r.PathValue("app")); err != nil {
		return nil, "", "", err
	}
	name = r.PathValue("channel")
	platform, ok := platforms[name]
	if !ok {
		return nil, "", "", notFound("There is no channel of that name.")
	}
	return a, name, platform, nil
}

func (s *Sink) getChannel(r *request) (int, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, name, platform, err := s.at(r)
	if err != nil {
		return 0, nil, err
	}
	c, ok := a.Channels[name]
	if !ok {
		return 0, nil, notFound("No channel of type " + platform + " exists for the application.")
	}
	return http.StatusOK, c.response(a.ID), nil
}

func (s *Sink) updateChannel(r *request) (int, any, error) {
	var in channelRequest
	if err := r.decode(&in); err != nil {
		return 0, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, name, platform, err := s.at(r)
	if err != nil {
		return 0, nil, err
	}
	given, token, err := in.given(platform)
	if err != nil {
		return 0, nil, err
	}
	next := channel{Platform: platform, Enabled: true, Created: now()}
	if old, ok := a.Channels[name]; ok {
		next = *old
	} else if !given {
		return 0, nil, badRequest("The channel has no credential yet and the call brings none.")
	}
	if given {
		next.HasToken = token
	}
	if in.Enabled != nil {
		next.Enabled = *in.Enabled
	}
	if in.DefaultAuthenticationMethod != "" {
		next.Method = in.DefaultAuthenticationMethod
	}
	next.Modified, next.Version = now(), next.Version+1
	a = a.clone()
	a.Channels[name] = &next
	if err := s.put(a.ID, a); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, next.response(a.ID), nil
}

func (s *Sink) deleteChannel(r *request) (int, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, name, platform, err := s.at(r)
	if err != nil {
		return 0, nil, err
	}
	c, ok := a.Channels[name]
	if !ok {
		return 0, nil, notFound("No channel of type " + platform + " exists for the application.")
	}
	a = a.clone()
	delete(a.Channels, name)
	if err := s.put(a.ID, a); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.response(a.ID), nil
}

// response is the union of the calls' responses: each platform's client reads the fields that it knows.
func (c *channel) response(app string) map[string]any {
	out := map[string]any{
		"ApplicationId": app, "Platform": c.Platform, "Enabled": c.Enabled, "Id": c.Platform, "IsArchived": false,
		"HasCredential": true, "CreationDate": c.Created, "LastModifiedDate": c.Modified, "Version": c.Version,
	}
	if c.Method != "" {
		out["DefaultAuthenticationMethod"] = c.Method
	}
	switch c.Platform {
	case "GCM":
		out["HasFcmServiceCredentials"] = c.HasToken
	case "ADM":
	default:
		out["HasTokenKey"] = c.HasToken
	}
	return out
}
