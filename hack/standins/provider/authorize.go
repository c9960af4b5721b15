package provider

import (
	"cmp"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed page.html.tmpl
var pageText string

//go:embed style.css
var styleText []byte

var page = template.Must(template.New("page").Parse(pageText))

type choice struct{ User, Link string }

// authorize shows whom one can be, and for /authorize/{user} goes back to the client with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	w.Header().Set("Cache-Control", "no-store")
	// Who asks is not known to be the client: nothing is sent to where it wants it.
	if to := q.Get("redirect_uri"); q.Get("client_id") != p.o.Client || !loopback(to) || strings.ContainsAny(to, "?#") {
		p.refuse(w, "this client is not known here, or its redirect URI is not one of this machine")
		return
	}
	user := r.PathValue("user")
	switch {
	case q.Get("response_type") != "code":
		p.back(w, r, url.Values{"error": {"unsupported_response_type"}, "error_description": {"response_type must be code"}})
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		p.back(w, r, url.Values{"error": {"invalid_scope"}, "error_description": {"scope must hold openid"}})
	case q.Get("code_challenge_method") != "S256" || !validChallenge(q.Get("code_challenge")):
		p.back(w, r, url.Values{"error": {"invalid_request"}, "error_description": {"PKCE with S256 is needed"}})
	case q.Get("prompt") == "none":
		p.back(w, r, url.Values{"error": {"login_required"}})
	case user == "":
		p.choose(w, r)
	case !slices.Contains(p.o.Users, user):
		p.refuse(w, "there is no such user")
	default:
		code := p.codes.give(session{
			user: user, client: p.o.Client, scope: q.Get("scope"), nonce: q.Get("nonce"), redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), id: rand.Text(),
		})
		p.back(w, r, url.Values{"code": {code}})
	}
}

// validChallenge says whether it is a SHA-256 in base64url.
func validChallenge(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == 32
}

// back leads to the client.
func (p *Provider) back(w http.ResponseWriter, r *http.Request, with url.Values) {
	q := r.URL.Query()
	with.Set("iss", p.o.Issuer)
	if state := q.Get("state"); state != "" {
		with.Set("state", state)
	}
	w.Header().Set("Location", q.Get("redirect_uri")+"?"+with.Encode())
	w.WriteHeader(http.StatusFound)
}

// choose shows the page. Its choices are links: what a form may lead to would have to stand in the policy.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	var choices []choice
	for _, u := range p.o.Users {
		choices = append(choices, choice{u, "authorize/" + url.PathEscape(u) + "?" + r.URL.RawQuery})
	}
	p.show(w, http.StatusOK, map[string]any{"Choices": choices, "Client": cmp.Or(r.URL.Query().Get("client_id"), p.o.Client)})
}

func (p *Provider) refuse(w http.ResponseWriter, why string) {
	p.show(w, http.StatusBadRequest, map[string]any{"Why": why})
}

func (p *Provider) show(w http.ResponseWriter, status int, data map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Execute(w, data) // the client is gone: nobody is left to tell
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleText) // the client is gone: nobody is left to tell
}
