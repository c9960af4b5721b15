package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Tokens that an issuer's tokens are asked for by.
const (
	AccessToken = "access_token"
	IDToken     = "id_token"
)

// Issuer is where people sign in: an OpenID provider to which this client is known.
type Issuer struct {
	// Name is what a person chooses by.
	Name string `json:"name"`
	// Issuer is the URL below which its OpenID configuration is.
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientID"`
	// Audience is what tokens have to be for.
	Audience string   `json:"audience"`
	Scopes   []string `json:"scopes"`
	// Token says which of its tokens the gateway takes: AccessToken or IDToken.
	Token string `json:"token"`
	// Origins are further ones that a sign-in talks to, beside the issuer's own.
	Origins []string `json:"-"`
}

// config is what /app/config.json says. Without an issuer a token is pasted.
type config struct {
	Issuers []Issuer `json:"issuers"`
	Version string   `json:"version"`
}

func (o Options) config() ([]byte, error) {
	c := config{Issuers: []Issuer{}, Version: o.Version}
	var errs []error
	for _, i := range o.Issuers {
		if i.Token == "" {
			i.Token = AccessToken
		}
		if len(i.Scopes) == 0 {
			i.Scopes = []string{"openid"}
		}
		if i.Name == "" || i.ClientID == "" || i.Audience == "" || i.Token != AccessToken && i.Token != IDToken {
			errs = append(errs, fmt.Errorf("web client: issuer %q needs a name, a client id, an audience, and a token that is %s or %s", i.Issuer, AccessToken, IDToken))
		}
		c.Issuers = append(c.Issuers, i)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return json.Marshal(c)
}

// connect lists where a page may connect to beside this server: the issuers' origins, each once.
func (o Options) connect() ([]string, error) {
	var origins []string
	for _, i := range o.Issuers {
		for _, u := range append([]string{i.Issuer}, i.Origins...) {
			origin, err := originOf(u)
			if err != nil {
				return nil, fmt.Errorf("web client: issuer %q: %w", i.Issuer, err)
			}
			if !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	return origins, nil
}

// plainHost is what a policy may hold: nothing in it ends a directive or begins a keyword.
var plainHost = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$`)

// originOf is a URL's origin, fit for a policy.
func originOf(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", fmt.Errorf("%q is no URL", s)
	}
	host := strings.ToLower(u.Host)
	if u.Scheme != "https" && u.Scheme != "http" || !plainHost.MatchString(host) || u.User != nil {
		return "", fmt.Errorf("%q is no URL of http or https with a plain host", s)
	}
	return u.Scheme + "://" + host, nil
}
