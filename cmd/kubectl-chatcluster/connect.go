package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// fieldOwner is who changes what this command changes.
const fieldOwner = client.FieldOwner("kubectl-chatcluster")

// opsPort is where the pods of the data plane serve metrics.
const opsPort = "9090"

// connectFlags say which cluster and namespace are meant, as kubectl's do.
type connectFlags struct {
	kubeconfig, context, namespace string
	timeout                        time.Duration
}

func (f *connectFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "Path of the kubeconfig; KUBECONFIG or ~/.kube/config when empty")
	flags.StringVar(&f.context, "context", "", "Context of the kubeconfig; the current one when empty")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "Namespace; the context's when empty")
	flags.DurationVar(&f.timeout, "request-timeout", 30*time.Second, "How long one request of the API server may take")
}

// cluster is the Kubernetes cluster.
type cluster struct {
	client.Client
	namespace string
	// metrics returns what a pod of the data plane serves at /metrics.
	metrics func(ctx context.Context, namespace, pod string) ([]byte, error)
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

// connect reads the kubeconfig. Nothing is asked of the API server yet.
func connect(f connectFlags) (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: f.context}
	overrides.Context.Namespace = f.namespace
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.Timeout = f.timeout
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	set, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &cluster{Client: c, namespace: namespace, metrics: func(ctx context.Context, namespace, pod string) ([]byte, error) {
		return set.CoreV1().Pods(namespace).ProxyGet("http", pod, opsPort, "metrics", nil).DoRaw(ctx)
	}}, nil
}

// get reads a ChatCluster.
func (c *cluster) get(ctx context.Context, name string) (*v1alpha1.ChatCluster, error) {
	cc := &v1alpha1.ChatCluster{}
	if err := c.Get(ctx, types.NamespacedName{Namespace: c.namespace, Name: name}, cc); err != nil {
		return nil, err
	}
	cc.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ChatCluster"))
	return cc, nil
}
