package rest

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

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"

	// maxBody bounds the body of a request: MaxBodyBytes fit however they are escaped.
	maxBody = 128 << 10
	// maxMembersBody bounds one that names members: a group of MaxGroupMembers with long ids fits.
	maxMembersBody = 1 << 20
)

// decode reads the request's one JSON object.
func (c *call) decode(into any, limit int64) error {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != jsonType:
		return refuse(protocol.CodeUnsupportedMedia, "the body is not "+jsonType)
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return refuse(protocol.CodeUnsupportedMedia, "the charset is not UTF-8")
	case c.Header.Get("Content-Encoding") != "":
		return refuse(protocol.CodeUnsupportedMedia, "the body is encoded")
	}
	tooLarge := refuse(protocol.CodeTooLarge, "the body is longer than "+strconv.FormatInt(limit, 10)+" bytes")
	if c.ContentLength > limit {
		return tooLarge
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge
	case err != nil:
		return refuse(protocol.CodeBadFrame, "the body could not be read")
	case !utf8.Valid(data):
		return refuse(protocol.CodeBadFrame, "the body is not UTF-8")
	case !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) || json.Unmarshal(data, into) != nil:
		return refuse(protocol.CodeBadFrame, "the body is not the JSON object that is expected")
	}
	return nil
}

// answer writes a good answer.
func answer(w http.ResponseWriter, r *http.Request, out reply) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	if out.body == nil {
		w.WriteHeader(out.status)
		return
	}
	head.Set("Content-Type", jsonType)
	data, err := json.Marshal(out.body)
	if err != nil {
		panic(err) // strings, numbers and lists of them always marshal
	}
	if out.tagged {
		tag := etag(data)
		head.Set("ETag", tag)
		if matches(r.Header.Values("If-None-Match"), tag) {
			head.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	head.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(out.status)
	_, _ = w.Write(data)
}

// etag is a strong validator: the bytes that are sent, in 128 bits.
func etag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// matches says whether If-None-Match names the tag, by weak comparison (RFC 9110, section 13.1.2). Our tags hold no comma.
func matches(values []string, tag string) bool {
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s == "*" || strings.TrimPrefix(s, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// accepts says whether Accept takes the type. Of a range that cannot be read nothing is known: it takes it.
func accepts(values []string, kind string) bool {
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
