package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
)

// bucketServer speaks PutObject, GetObject and ListObjectsV2 of a bucket with Object Lock, as far as Bucket does, and refuses what such a bucket
// would refuse: an object without a lock that lasts, or without the checksum that it must have.
type bucketServer struct {
	t       *testing.T
	mu      sync.Mutex
	objects map[string][]byte
	modes   map[string]string
	corrupt bool
	refused []string
}

func (b *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, ok := strings.CutPrefix(r.URL.Path, "/vault/")
	switch {
	case !ok && r.URL.Path != "/vault":
		b.fail(w, http.StatusNotFound, "NoSuchBucket")
	case r.Header.Get("Authorization") == "":
		b.fail(w, http.StatusForbidden, "AccessDenied")
	case r.Method == http.MethodPut && key != "":
		b.put(w, r, key)
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		b.list(w, r)
	case r.Method == http.MethodGet && b.objects[key] != nil:
		_, _ = w.Write(b.objects[key])
	case r.Method == http.MethodGet:
		b.fail(w, http.StatusNotFound, "NoSuchKey")
	default:
		b.fail(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func (b *bucketServer) fail(w http.ResponseWriter, status int, code string) {
	b.refused = append(b.refused, code)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

func (b *bucketServer) put(w http.ResponseWriter, r *http.Request, key string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	if b.corrupt {
		body = append(body, '!')
	}
	mode := r.Header.Get("X-Amz-Object-Lock-Mode")
	until, err := time.Parse(time.RFC3339, r.Header.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	sum := sha256.Sum256(body)
	switch {
	case mode != "COMPLIANCE" && mode != "GOVERNANCE", err != nil, !until.After(time.Now()):
		b.fail(w, http.StatusBadRequest, "InvalidRetentionPeriod")
	case r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]):
		b.fail(w, http.StatusBadRequest, "BadDigest")
	default:
		b.objects[key], b.modes[key] = body, mode
	}
}

func (b *bucketServer) list(w http.ResponseWriter, r *http.Request) {
	type object struct{ Key string }
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []object
	}
	after := r.URL.Query().Get("continuation-token")
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, r.URL.Query().Get("prefix")) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	const most = 2
	if page.IsTruncated = len(keys) > most; page.IsTruncated {
		keys, page.NextContinuationToken = keys[:most], keys[most-1]
	}
	for _, k := range keys {
		page.Contents = append(page.Contents, object{k})
	}
	w.Header().Set("Content-Type", "application/xml")
	if err := xml.NewEncoder(w).Encode(page); err != nil {
		b.t.Error(err)
	}
}

func bucket(t *testing.T) (*bucketServer, Bucket) {
	t.Helper()
	server := &bucketServer{t: t, objects: map[string][]byte{}, modes: map[string]string{}}
	at := httptest.NewServer(server)
	t.Cleanup(at.Close)
	cfg := aws.Config{Region: "local", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), RetryMaxAttempts: 1}
	return server, Bucket{API: NewObjectAPI(cfg, at.URL), Name: "vault", Prefix: "audit", Retain: time.Hour}
}

func TestExportToALockedBucket(t *testing.T) {
	server, to := bucket(t)
	m := chainOf("acme", 3)
	exported(t, m, to)
	m.add(Entry{Tenant: "acme"})
	exported(t, m, to)
	if d := cmp.Diff(m.entries, lines(t, to)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(server.objects) != 4 {
		t.Errorf("%d objects, want two and their manifests: the second export lists the first one's, page by page", len(server.objects))
	}
	for key, mode := range server.modes {
		if mode != "COMPLIANCE" || !strings.HasPrefix(key, "audit/tenant=acme/") {
			t.Errorf("%s is locked by %q", key, mode)
		}
	}
	if len(server.refused) > 0 {
		t.Error(server.refused)
	}
}

func TestGovernanceIsForWhoAsksForIt(t *testing.T) {
	server, to := bucket(t)
	to.Governance = true
	if err := to.Write(t.Context(), "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"audit/a": "GOVERNANCE"}, server.modes); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestABucketTakesNothingHalf(t *testing.T) {
	server, to := bucket(t)
	server.corrupt = true
	if err := to.Write(t.Context(), "a", []byte("1")); err == nil || len(server.objects) > 0 {
		t.Errorf("%v: what changed on its way was taken", err)
	}
	to.Retain = 0
	if err := to.Write(t.Context(), "a", []byte("1")); err == nil {
		t.Error("an object without a lock")
	}
	if _, err := to.Read(t.Context(), "nothing"); err == nil || errors.Is(err, io.EOF) {
		t.Error("what is not there was read")
	}
}
