package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// Assets is the variable that names the folder with kube-apiserver and etcd.
const Assets = "KUBEBUILDER_ASSETS"

// Plane is a control plane.
type Plane struct {
	// Kubeconfig is a file for the operator.
	Kubeconfig string
	// Client is an administrator's.
	Client client.WithWatch

	config *rest.Config
	env    *envtest.Environment
}

// Start starts a control plane on every core; the CRDs are the repository's in root. dir takes the kubeconfig.
func Start(ctx context.Context, root, dir string) (*Plane, error) {
	if os.Getenv(Assets) == "" {
		return nil, errors.New(Assets + " must name a folder with kube-apiserver and etcd: run this by `make bench`")
	}
	ctrl.SetLogger(logr.Discard())
	// What measures is bound to one core, and its children would be.
	if out, err := exec.CommandContext(ctx, "taskset", "-acp", "0-"+strconv.Itoa(cores-1), strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("taskset: %w: %s", err, out)
	}
	env := &envtest.Environment{ControlPlane: envtest.ControlPlane{APIServer: &envtest.APIServer{}}, CRDDirectoryPaths: []string{filepath.Join(root, "config", "crd", "bases")}, ErrorIfCRDPathMissing: true}
	args := env.ControlPlane.APIServer.Configure()
	// A Service has an address, and there are two for each ChatCluster.
	args.Set("service-cluster-ip-range", "10.0.0.0/16")
	config, err := started(env)
	if err != nil {
		return nil, fmt.Errorf("start the control plane: %w", err)
	}
	p := &Plane{Kubeconfig: filepath.Join(dir, "kubeconfig"), config: config, env: env}
	if err := p.prepare(); err != nil {
		return nil, errors.Join(err, env.Stop())
	}
	return p, nil
}

const cores = 2

// seldom is how the control plane's processes collect their garbage: as they would with memory to spare, which is not what is measured.
const seldom = "400"

// started starts the control plane's processes, which have this one's environment.
func started(env *envtest.Environment) (*rest.Config, error) {
	const name = "GOGC"
	was, set := os.LookupEnv(name)
	if err := os.Setenv(name, seldom); err != nil {
		return nil, err
	}
	config, err := env.Start()
	if set {
		return config, errors.Join(err, os.Setenv(name, was))
	}
	return config, errors.Join(err, os.Unsetenv(name))
}

// Scheme has Kubernetes' kinds and ours.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	return s, errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s))
}

func (p *Plane) prepare() error {
	scheme, err := Scheme()
	if err != nil {
		return err
	}
	p.config.QPS = -1
	if p.Client, err = client.NewWithWatch(p.config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	user, err := p.env.AddUser(envtest.User{Name: "operator", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return err
	}
	file, err := user.KubeConfig()
	if err != nil {
		return err
	}
	return os.WriteFile(p.Kubeconfig, file, 0o600)
}

// Stop takes it away.
func (p *Plane) Stop() error { return p.env.Stop() }

// password is the Secret that ChatClusters name.
const password = "pg"

// Namespace makes a namespace with what a ChatCluster needs there.
func (p *Plane) Namespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: password}, Data: map[string][]byte{"password": []byte("x")}}
	if err := p.Client.Create(ctx, namespace); err != nil {
		return err
	}
	return p.Client.Create(ctx, secret)
}

// Cluster is a ChatCluster with as little as may be said.
func Cluster(namespace, name string) *v1alpha1.ChatCluster {
	return &v1alpha1.ChatCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ChatClusterSpec{
			Image: "example.com/chatd:1",
			AWS:   v1alpha1.AWSSpec{Region: "eu-central-1"},
			Auth: v1alpha1.AuthSpec{Issuers: []v1alpha1.Issuer{
				{Tenant: "acme", Issuer: "https://id.example", Audience: "chat", JWKSURL: "https://id.example/jwks.json"},
			}},
			MSK: v1alpha1.MSKSpec{BootstrapServers: []string{"b-1.example:9094"}},
			Aurora: v1alpha1.AuroraSpec{
				Host: "db." + namespace + "." + name, Database: "chat", Username: "chatd", PasswordSecret: v1alpha1.SecretKey{Name: password},
			},
			ElastiCache: v1alpha1.ElastiCacheSpec{Addresses: []string{"cache.example:6379"}},
		},
	}
}

// Tenant is a ChatTenant of a ChatCluster in its namespace.
func Tenant(namespace, cluster, name string) *v1alpha1.ChatTenant {
	return &v1alpha1.ChatTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ChatTenantSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: cluster},
			Issuer:     v1alpha1.TenantIssuer{URL: "https://" + name + ".example", Audience: "chat", JWKSURL: "https://" + name + ".example/jwks.json"},
			Quotas:     v1alpha1.TenantQuotas{Connections: ptr.To[int32](100), MessagesPerSecond: ptr.To[int32](10)},
		},
	}
}
