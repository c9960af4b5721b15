package web

import (
	"cmp"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Root is where the client is.
const Root = "/app/"

// NotBuilt is what a program without the client answers.
const NotBuilt = "this program was built without the web client: run `make web`, and build it again"

// Options of a Handler.
type Options struct {
	// Files is the built client; nil: Embedded.
	Files fs.FS
	// Issuers are those where this client may have people sign in. None: tokens are pasted.
	Issuers []Issuer
	// Version is the program's, for people to see.
	Version string
}

// Handler serves the client, with GET and HEAD. Make it with New.
type Handler struct {
	files  map[string]file
	policy string
}

// New reads the client and checks the issuers.
func New(o Options) (*Handler, error) {
	if o.Files == nil {
		o.Files = Embedded()
	}
	origins, err := o.connect()
	if err != nil {
		return nil, err
	}
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	h := &Handler{policy: policy(origins)}
	if h.files, err = load(o.Files); err != nil {
		return nil, err
	}
	if h.Built() {
		h.files[configFile] = newFile(configFile, config)
	}
	return h, nil
}

// Built says whether there is a client to serve.
func (h *Handler) Built() bool { return len(h.files) > 0 }

// policy is the page's Content-Security-Policy. 'self' holds for the WebSocket, too.
func policy(origins []string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		"font-src 'self'",
		"manifest-src 'self'",
		"worker-src 'self'",
		"connect-src " + strings.Join(append([]string{"'self'"}, origins...), " "),
		"base-uri 'none'",
		"form-action 'none'", // a sign-in leaves by a navigation, not by a form
		"frame-ancestors 'none'",
	}, "; ")
}

// ServeHTTP implements http.Handler, for / and what is below /app.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", h.policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
	name, below := strings.CutPrefix(r.URL.Path, Root)
	switch {
	case r.URL.Path == "/" || r.URL.Path == strings.TrimSuffix(Root, "/"):
		to := Root
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		head.Set("Location", to)
		head.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	case !h.Built():
		httpapi.Problem(w, protocol.ProblemOf(protocol.CodeUnavailable, NotBuilt))
		return
	}
	f, ok := h.files[cmp.Or(name, index)]
	if !below || !ok {
		httpapi.Problem(w, protocol.ProblemOf(protocol.CodeNotFound, "the web client has no such file"))
		return
	}
	f.serve(w, r)
}

// serve answers with the first form that the client takes.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	form := f.forms[len(f.forms)-1]
	if len(f.forms) > 1 {
		head.Add("Vary", "Accept-Encoding")
		accepted := r.Header.Values("Accept-Encoding")
		for _, v := range f.forms {
			if v.coding == "" || takes(accepted, v.coding) {
				form = v
				break
			}
		}
	}
	head.Set("Cache-Control", f.cache)
	head.Set("ETag", form.etag)
	if httpapi.Matches(r.Header.Values("If-None-Match"), form.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	head.Set("Content-Type", f.kind)
	if form.coding != "" {
		head.Set("Content-Encoding", form.coding)
	}
	head.Set("Content-Length", strconv.Itoa(len(form.data)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(form.data) // the client is gone: nobody is left to tell
	}
}

// takes says whether Accept-Encoding names the coding, or any, and does not rule it out (RFC 9110, section 12.5.3).
func takes(values []string, coding string) bool {
	anyOther := false
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			name, weight, _ := strings.Cut(s, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if name != coding && name != "*" {
				continue
			}
			q, weighed := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			n, err := strconv.ParseFloat(q, 64)
			taken := !weighed || err != nil || n > 0
			if name == coding {
				return taken
			}
			anyOther = taken
		}
	}
	return anyOther
}
