package admin_test

import (
	"os"
	"sync"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/httpapi/openapitest"
)

// loadDocument reads docs/admin-openapi.yaml, against which every answer of these tests is checked.
var loadDocument = sync.OnceValues(func() (*openapitest.Document, error) { return openapitest.Load("../../docs/admin-openapi.yaml") })

func theDocument(t testing.TB) *openapitest.Document {
	t.Helper()
	d, err := loadDocument()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMain(m *testing.M) { os.Exit(openapitest.Main(m, loadDocument)) }

func TestTheDocumentIsOneOfOpenAPI31(t *testing.T) { theDocument(t).Valid(t) }

func TestRoutesAndDocumentAreTheSame(t *testing.T) {
	var served []string
	for _, r := range admin.Routes() {
		served = append(served, openapitest.Operation(r.Method, r.Path))
	}
	theDocument(t).Serves(t, served)
}

func TestEverythingInTheDocumentIsUsedAndNamed(t *testing.T) { theDocument(t).Tidy(t) }
