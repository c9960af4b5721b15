package chattenant

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/chatcluster/chatcluster/test/apiserver"
)

// The suite's API server: an administrator's client for the tests, and the operator's own configuration.
var (
	server         *apiserver.Server
	scheme         *runtime.Scheme
	admin          client.WithWatch
	operatorConfig *rest.Config
)

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, filepath.Join("..", ".."), func(s *apiserver.Server) {
		server, scheme, admin, operatorConfig = s, s.Scheme, s.Admin, s.Operator
	}))
}

// recordWrites returns a client that notes every call that changes something. It reads past any cache, so that a test needs no waiting.
func recordWrites(c client.WithWatch, note func(string)) client.Client {
	calls := apiserver.Writes(note)
	calls.List = func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
		return errors.New("a pass lists nothing: there are thousands of tenants")
	}
	return interceptor.NewClient(c, calls)
}
