package httpapi

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/telemetry"
)

const (
	requestHeader = "X-Request-Id"
	maxRequestID  = 64
)

// requestID takes the caller's id where it is short and plain, and makes one otherwise.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestHeader)
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.", c)
	}
	if id == "" || len(id) > maxRequestID || strings.ContainsFunc(id, odd) {
		return strings.ToLower(rand.Text())
	}
	return id
}

// tokenInURL says whether the URL holds what looks like a token: everything on the way logs URLs.
func tokenInURL(u *url.URL) bool {
	if u.RawQuery == "" {
		return false
	}
	for name := range u.Query() {
		if strings.HasSuffix(strings.ToLower(name), "token") || strings.EqualFold(name, "authorization") {
			return true
		}
	}
	return false
}

// guard is around every path: request ids, faults, metrics, origins, tokens in URLs, methods.
func (m *Mux) guard(path string, methods map[string]http.Handler) http.Handler {
	allowed := slices.Sorted(maps.Keys(methods))
	if methods[http.MethodGet] != nil && !m.sockets[path] {
		allowed = append(allowed, http.MethodHead)
	}
	allow := strings.Join(append(allowed, http.MethodOptions), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		w.Header().Set(requestHeader, id)
		rec := &recorder{ResponseWriter: w}
		route := "other"
		ctx, span := m.trace(telemetry.WithRequestID(r.Context(), id), r)
		r = r.WithContext(ctx)
		began := time.Now()
		defer func() {
			if v := recover(); v != nil {
				if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(v)
				}
				m.o.Panics.Inc()
				m.o.Logger.ErrorContext(r.Context(), "a request could not be handled", "route", route, "panic", panicText(v))
				if rec.status == 0 {
					Problem(rec, protocol.ProblemOf(protocol.CodeInternal, ""))
				}
			}
			m.o.Requests.WithLabelValues(route, strconv.Itoa(rec.status)).Inc()
			if rec.status != http.StatusSwitchingProtocols {
				m.o.Seconds.WithLabelValues(route).Observe(time.Since(began).Seconds())
			}
			ended(span, route, rec.status)
		}()
		if !m.origin(rec, r, allow) {
			m.Refuse(rec, r, Refuse(protocol.CodeForbidden, "the origin is not allowed"))
			return
		}
		method := r.Method
		if method == http.MethodHead && slices.Contains(allowed, method) {
			method = http.MethodGet
		}
		h := methods[method]
		if h != nil {
			route = method + " " + path
		}
		switch {
		case method != http.MethodOptions && tokenInURL(r.URL):
			m.Refuse(rec, r, Invalid("a token belongs in the Authorization header or in hello, never in a URL: take this one back"))
		case methods == nil:
			m.Refuse(rec, r, Refuse(protocol.CodeNotFound, ""))
		case h != nil:
			h.ServeHTTP(rec, r)
		case method == http.MethodOptions:
			rec.Header().Set("Allow", allow)
			rec.WriteHeader(http.StatusNoContent)
		default:
			rec.Header().Set("Allow", allow)
			m.Refuse(rec, r, Refuse(protocol.CodeMethodNotAllowed, ""))
		}
	})
}

// trace begins the request's span. A caller's own trace is linked to: whether this platform records is not for its clients to say.
func (m *Mux) trace(ctx context.Context, r *http.Request) (context.Context, trace.Span) {
	var links []trace.Link
	if link, ok := telemetry.Link(r.Header.Get("Traceparent")); ok {
		links = append(links, link)
	}
	return m.o.Tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithLinks(links...))
}

// ended ends a request's span under the route's name. Attributes are those of OpenTelemetry's HTTP conventions.
func ended(span trace.Span, route string, status int) {
	if span.IsRecording() {
		span.SetName(route)
		span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Hijack implements http.Hijacker, which the WebSocket library asks for.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.status = http.StatusSwitchingProtocols
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// panicText is a fault for the log: where it was, and of its value only what cannot be a client's words.
func panicText(v any) string {
	if err, ok := v.(error); ok {
		return fmt.Sprintf("%T: %v\n%s", v, err, debug.Stack())
	}
	return fmt.Sprintf("%T\n%s", v, debug.Stack())
}
