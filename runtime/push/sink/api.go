package sink

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// maxRequestBytes bounds a request's body: 100 addresses with an override of a payload each fit.
const maxRequestBytes = 1 << 20

// call answers an API call with a status and a body, or with an *apiError.
type call func(r *request) (status int, body any, err error)

// request is a call that passed the signature's check.
type request struct {
	*http.Request
	region string // the signature's
}

// decode reads the body into v. Fields that the sink does not know are ignored, as AWS does.
func (r *request) decode(v any) error {
	data, err := io.ReadAll(r.Body)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return &apiError{http.StatusRequestEntityTooLarge, "PayloadTooLargeException", "The request is larger than 1 MiB."}
	} else if err != nil {
		return badRequest("The request could not be read.")
	}
	if err := json.Unmarshal(data, v); err != nil {
		return badRequest("The request is not the JSON that the call takes.")
	}
	return nil
}

// apiError is an error in Pinpoint's shape.
type apiError struct {
	status  int
	kind    string
	message string
}

func (e *apiError) Error() string { return e.kind + ": " + e.message }

func badRequest(message string) error {
	return &apiError{http.StatusBadRequest, "BadRequestException", message}
}

func notFound(message string) error {
	return &apiError{http.StatusNotFound, "NotFoundException", message}
}

func internal(message string) error {
	return &apiError{http.StatusInternalServerError, "InternalServerErrorException", message}
}

func unknownCall(*request) (int, any, error) {
	return 0, nil, &apiError{http.StatusForbidden, "AccessDeniedException",
		"The sink speaks only the calls that live on after Pinpoint's end of support, and this is none of them."}
}

// signature is the form of a Signature Version 4 header; mobiletargeting is Pinpoint's signing name.
var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/\s,]+/\d{8}/([a-z0-9-]+)/mobiletargeting/aws4_request,\s*SignedHeaders=[a-z0-9;-]+,\s*Signature=[0-9a-f]{64}$`)

// api wraps a call: signature's form, body's bound, JSON, and errors as the SDKs read them.
func (s *Sink) api(c call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newRequestID()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Requestid", id)

		status, body, err := func() (int, any, error) {
			auth := r.Header.Get("Authorization")
			if auth == "" || r.Header.Get("X-Amz-Date") == "" {
				return 0, nil, &apiError{http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token"}
			}
			scope := signature.FindStringSubmatch(auth)
			if scope == nil {
				return 0, nil, &apiError{http.StatusForbidden, "InvalidSignatureException", "The Authorization header is no Signature Version 4 for mobiletargeting."}
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
			return c(&request{Request: r, region: scope[1]})
		}()
		if err != nil {
			e := new(apiError)
			if !errors.As(err, &e) {
				e = &apiError{http.StatusInternalServerError, "InternalServerErrorException", "The sink failed."}
			}
			s.log.LogAttrs(r.Context(), slogLevel(e.status), "call failed", slogCall(r, e)...)
			w.Header().Set("X-Amzn-Errortype", e.kind)
			status, body = e.status, map[string]string{"Message": e.message, "RequestID": id}
		}
		writeJSON(w, status, body)
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	data, err := json.Marshal(body)
	if err != nil { // a bug: every body is made of strings, numbers and maps of them
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client is gone: nobody is left to tell
}

// appID is the application's id in a path or, after "apps/", in an ARN.
func appID(arn string) string {
	_, id, _ := strings.Cut(arn, ":apps/")
	return id
}
