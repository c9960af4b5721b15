package provider

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

// maxForm bounds a token request.
const maxForm = 16 << 10

// problem is a token endpoint's error (RFC 6749, section 5.2).
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// tokens is its good answer.
type tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token"`
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody is left to tell
}

func refused(w http.ResponseWriter, code, why string) {
	answer(w, http.StatusBadRequest, problem{code, why})
}

// token gives out tokens for a code or a refresh token.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		refused(w, "invalid_request", "the body is not application/x-www-form-urlencoded")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refused(w, "invalid_request", "the body cannot be read")
		return
	}
	f := r.PostForm
	if f.Get("client_id") != p.o.Client {
		answer(w, http.StatusUnauthorized, problem{"invalid_client", "there is no such client"})
		return
	}
	var s session
	switch f.Get("grant_type") {
	case "authorization_code":
		got, ok, again := p.codes.take(f.Get("code"))
		if again {
			p.refreshes.end(got.id)
		}
		if !ok || got.redirect != f.Get("redirect_uri") || !proves(f.Get("code_verifier"), got.challenge) {
			refused(w, "invalid_grant", "the code is over, was used, or is another client's")
			return
		}
		s = got
	case "refresh_token":
		got, ok, again := p.refreshes.take(f.Get("refresh_token"))
		if again {
			p.refreshes.end(got.id)
		}
		if !ok {
			refused(w, "invalid_grant", "the refresh token is over or was used")
			return
		}
		s = got
		s.nonce = "" // it is the first ID token's alone
	default:
		refused(w, "unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
		return
	}
	out, err := p.mint(s)
	if err != nil {
		answer(w, http.StatusInternalServerError, problem{"server_error", err.Error()})
		return
	}
	answer(w, http.StatusOK, out)
}

// mint makes a session's tokens; a refresh token is for who asked for offline_access.
func (p *Provider) mint(s session) (tokens, error) {
	out := tokens{TokenType: "Bearer", ExpiresIn: int(tokenTTL / time.Second), Scope: s.scope}
	var err error
	if out.AccessToken, err = issuer.Mint(p.o.Key, issuer.Claims{Issuer: p.o.Issuer, Audience: p.o.Audience, User: s.user, TTL: tokenTTL}); err != nil {
		return tokens{}, err
	}
	if out.IDToken, err = issuer.Mint(p.o.Key, issuer.Claims{Issuer: p.o.Issuer, Audience: s.client, User: s.user, Nonce: s.nonce, TTL: tokenTTL}); err != nil {
		return tokens{}, err
	}
	if slices.Contains(strings.Fields(s.scope), "offline_access") {
		out.RefreshToken = p.refreshes.give(s)
	}
	return out, nil
}

// proves says whether the verifier is the challenge's.
func proves(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 && subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
