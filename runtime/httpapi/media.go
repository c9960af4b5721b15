package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Media types.
const (
	JSONType    = "application/json"
	ProblemType = "application/problem+json"
)

// Reply is a good answer. One without a body has none.
type Reply struct {
	Status int
	Body   any
	// Tagged answers have an ETag, and are not sent again to who has them.
	Tagged bool
}

// Decode reads the request's one JSON object, of at most limit bytes.
func Decode(w http.ResponseWriter, r *http.Request, into any, limit int64) error {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != JSONType:
		return Refuse(protocol.CodeUnsupportedMedia, "the body is not "+JSONType)
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return Refuse(protocol.CodeUnsupportedMedia, "the charset is not UTF-8")
	case r.Header.Get("Content-Encoding") != "":
		return Refuse(protocol.CodeUnsupportedMedia, "the body is encoded")
	}
	tooLarge := Refuse(protocol.CodeTooLarge, "the body is longer than "+strconv.FormatInt(limit, 10)+" bytes")
	if r.ContentLength > limit {
		return tooLarge
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge
	case err != nil:
		return Refuse(protocol.CodeBadFrame, "the body could not be read")
	case !utf8.Valid(data):
		return Refuse(protocol.CodeBadFrame, "the body is not UTF-8")
	case !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) || json.Unmarshal(data, into) != nil:
		return Refuse(protocol.CodeBadFrame, "the body is not the JSON object that is expected")
	}
	return nil
}

// Answer writes a good answer.
func Answer(w http.ResponseWriter, r *http.Request, out Reply) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	if out.Body == nil {
		w.WriteHeader(out.Status)
		return
	}
	head.Set("Content-Type", JSONType)
	data, err := json.Marshal(out.Body)
	if err != nil {
		panic(err) // strings, numbers and lists of them always marshal
	}
	if out.Tagged {
		tag := ETag(data)
		head.Set("ETag", tag)
		if Matches(r.Header.Values("If-None-Match"), tag) {
			head.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	head.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(out.Status)
	_, _ = w.Write(data)
}

// ETag is a strong validator: the bytes that are sent, in 128 bits.
func ETag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// Matches says whether If-None-Match names the tag, by weak comparison (RFC 9110, section 13.1.2). Our tags hold no comma.
func Matches(values []string, tag string) bool {
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s == "*" || strings.TrimPrefix(s, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// Accepts says whether Accept takes the type. Of a range that cannot be read nothing is known: it takes it.
func Accepts(values []string, kind string) bool {
	if len(values) == 0 {
		return true
	}
	family, _, _ := strings.Cut(kind, "/")
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			r, params, err := mime.ParseMediaType(s)
			if err != nil {
				return true
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
				continue
			}
			if r == kind || r == "*/*" || r == family+"/*" {
				return true
			}
		}
	}
	return false
}
