package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// Server is the API server with this repository's CRDs, and its users.
type Server struct {
	// Scheme has Kubernetes' kinds and ours.
	Scheme *runtime.Scheme
	// Admin is an administrator's client, AdminConfig its configuration.
	Admin       client.WithWatch
	AdminConfig *rest.Config
	// Operator is a user with the generated role and nothing else, so that a verb that is missing there fails a test.
	Operator *rest.Config

	env *envtest.Environment
}

// Main runs a package's tests with a Server, which use takes first. root is the repository's.
func Main(m *testing.M, root string, use func(*Server)) int {
	s, err := start(root)
	if err != nil {
		return say(fmt.Errorf("start the API server (make test-envtest does it): %w", err))
	}
	defer func() {
		if err := s.env.Stop(); err != nil {
			say(fmt.Errorf("stop the API server: %w", err))
		}
	}()
	use(s)
	return m.Run()
}

// besides are the tests that run beside others.
var besides sync.Map

// Beside has a test run beside others. It may be called again.
func Beside(t *testing.T) {
	if _, already := besides.LoadOrStore(t, true); !already {
		t.Parallel()
	}
}

func say(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func start(root string) (*Server, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return nil, errors.New("KUBEBUILDER_ASSETS must name a folder with kube-apiserver and etcd")
	}
	ctrl.SetLogger(logr.Discard())
	s := &Server{
		Scheme: runtime.NewScheme(),
		env:    &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root, "config", "crd", "bases")}, ErrorIfCRDPathMissing: true},
	}
	if err := errors.Join(clientgoscheme.AddToScheme(s.Scheme), v1alpha1.AddToScheme(s.Scheme)); err != nil {
		return nil, err
	}
	var err error
	if s.AdminConfig, err = s.env.Start(); err != nil {
		return nil, err
	}
	if err := s.prepare(filepath.Join(root, "config", "rbac", "role.yaml")); err != nil {
		return nil, errors.Join(err, s.env.Stop())
	}
	return s, nil
}

func (s *Server) prepare(roleFile string) (err error) {
	if s.Admin, err = client.NewWithWatch(s.AdminConfig, client.Options{Scheme: s.Scheme}); err != nil {
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
	if err := s.Admin.Create(context.Background(), &role); err != nil {
		return err
	}
	s.Operator, err = s.User("operator", role.Name)
	return err
}

// User makes a user who has the ClusterRoles everywhere.
func (s *Server) User(name string, clusterRoles ...string) (*rest.Config, error) {
	for _, role := range clusterRoles {
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name + "-" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: name}},
		}
		if err := s.Admin.Create(context.Background(), binding); err != nil {
			return nil, err
		}
	}
	user, err := s.env.AddUser(envtest.User{Name: name}, nil)
	if err != nil {
		return nil, err
	}
	config := user.Config()
	config.QPS = -1
	return config, nil
}
