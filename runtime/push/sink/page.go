package sink

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page shows the phones to a person.
func (s *Sink) page(w http.ResponseWriter, r *http.Request) {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, s.view(filterOf(r))); err != nil {
		s.log.Error("render the page", "error", err)
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_, _ = w.Write(out.Bytes()) // the client is gone: nobody is left to tell
}
