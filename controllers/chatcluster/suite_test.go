package chatcluster

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/test/apiserver"
)

// The suite's API server: an administrator's client for the tests, and the operator's own configuration.
var (
	scheme         *runtime.Scheme
	admin          client.WithWatch
	operatorConfig *rest.Config
	adminConfig    *rest.Config
)

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, filepath.Join("..", ".."), func(s *apiserver.Server) {
		scheme, admin, operatorConfig, adminConfig = s.Scheme, s.Admin, s.Operator, s.AdminConfig
	}))
}

// recordWrites returns a client that notes every call that changes something. It reads past any cache, so that a test
// needs no waiting, packs children as the cache does, and answers the claims' index as it would.
func recordWrites(c client.WithWatch, note func(string)) client.Client {
	calls := apiserver.Writes(note)
	calls.Get = func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		if err := c.Get(ctx, key, o, opts...); err != nil {
			return err
		}
		_, err := pack(o)
		return err
	}
	calls.List = func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		var o client.ListOptions
		o.ApplyOptions(opts)
		clusters, ok := list.(*v1alpha1.ChatClusterList)
		if !ok || o.FieldSelector == nil {
			return c.List(ctx, list, opts...)
		}
		claim, _ := o.FieldSelector.RequiresExactMatch(indexClaims)
		o.FieldSelector = nil
		if err := c.List(ctx, list, &o); err != nil {
			return err
		}
		clusters.Items = slices.DeleteFunc(clusters.Items, func(cc v1alpha1.ChatCluster) bool { return !slices.Contains(claims(&cc), claim) })
		return nil
	}
	return interceptor.NewClient(c, calls)
}
