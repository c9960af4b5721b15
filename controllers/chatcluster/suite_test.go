package chatcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/go-logr/logr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// The suite's API server, an administrator's client for the tests, and the operator's own configuration: a user with the
// generated role and nothing else, so that a verb that is missing there fails a test here.
var (
	scheme         = runtime.NewScheme()
	admin          client.WithWatch
	operatorConfig *rest.Config
	adminConfig    *rest.Config
)

func TestMain(m *testing.M) {
	os.Exit(runSuite(m))
}

func runSuite(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS must name a folder with kube-apiserver and etcd: run `make test-envtest`")
		return 1
	}
	ctrl.SetLogger(logr.Discard())
	root := filepath.Join("..", "..")
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root, "config", "crd", "bases")}, ErrorIfCRDPathMissing: true}
	config, err := env.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the API server:", err)
		return 1
	}
	defer func() {
		if err := env.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
		}
	}()
	if err := prepare(env, config, filepath.Join(root, "config", "rbac", "role.yaml")); err != nil {
		fmt.Fprintln(os.Stderr, "prepare the API server:", err)
		return 1
	}
	return m.Run()
}

func prepare(env *envtest.Environment, config *rest.Config, roleFile string) (err error) {
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	adminConfig = config
	if admin, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	data, err := os.ReadFile(roleFile)
	if err != nil {
		return err
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(data, &role); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "operator"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "operator"}},
	}
	if err := errors.Join(admin.Create(context.Background(), &role), admin.Create(context.Background(), binding)); err != nil {
		return err
	}
	user, err := env.AddUser(envtest.User{Name: "operator"}, nil)
	if err != nil {
		return err
	}
	operatorConfig = user.Config()
	operatorConfig.QPS = -1
	return nil
}

// recordWrites returns a client that notes every call that changes something. It reads past any cache, so that a test
// needs no waiting, and answers the claims' index as the cache would.
func recordWrites(c client.WithWatch, note func(string)) client.Client {
	name := func(verb string, o client.Object) { note(fmt.Sprintf("%s %T %s", verb, o, o.GetName())) }
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			name("create", o)
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			name("update", o)
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			name("patch", o)
			return c.Patch(ctx, o, p, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, config runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			note(fmt.Sprintf("apply %v", config))
			return c.Apply(ctx, config, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			name("delete", o)
			return c.Delete(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			name("patch "+sub, o)
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
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
		},
	})
}
