package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	"github.com/twmb/franz-go/pkg/kfake"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	manifests "github.com/chatcluster/chatcluster/config"
	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/controllers/chattenant"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// workers is how many ChatClusters, and how many ChatTenants, are reconciled at once.
const workers = 4

// Options say what is started. The zero value is fine.
type Options struct {
	// Assets is the folder of kube-apiserver and etcd; KUBEBUILDER_ASSETS when empty.
	Assets string
	// Operator is the operator's configuration; its name is "controlplane" when empty.
	Operator chatcluster.Options
	// Still leaves it to the test to have something happen outside the operator: by World.Step.
	Still bool
	// Log takes the log of the operator and, as it has one for the whole process, of controller-runtime. The zero value drops it.
	Log logr.Logger

	// crds are what is installed first, and before runs then: this repository's own tests upgrade CRDs.
	crds   []*apiextensionsv1.CustomResourceDefinition
	before func(*rest.Config) error
}

// ControlPlane is what runs.
type ControlPlane struct {
	// Config and Client are an administrator's.
	Config *rest.Config
	Client client.WithWatch
	World  *World

	environment *envtest.Environment
	cancel      context.CancelFunc
	ended       chan error
	stop        sync.Once
}

// Run starts a control plane that ends with the test.
func Run(t testing.TB, o Options) *ControlPlane {
	t.Helper()
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Scheme knows Kubernetes' own kinds and ChatCluster's.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

// Start starts a control plane: it takes some seconds. Stop it. For a TestMain; tests have Run.
func Start(o Options) (_ *ControlPlane, err error) {
	ctrl.SetLogger(o.Log)
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	if o.crds == nil {
		if o.crds, err = readCRDs(manifests.Files, "crd/bases/*.yaml"); err != nil {
			return nil, err
		}
	}
	c := &ControlPlane{
		environment: &envtest.Environment{CRDs: o.crds, BinaryAssetsDirectory: o.Assets},
		ended:       make(chan error, 1),
		cancel:      func() {},
	}
	if c.Config, err = c.environment.Start(); err != nil {
		return nil, fmt.Errorf("start kube-apiserver and etcd (KUBEBUILDER_ASSETS must name their folder): %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if o.before != nil {
		if err = o.before(c.Config); err != nil {
			c.ended <- nil
			return nil, err
		}
	}
	if c.Client, err = client.NewWithWatch(c.Config, client.Options{Scheme: scheme}); err != nil {
		c.ended <- nil
		return nil, err
	}
	if c.World, err = newWorld(c.Client); err != nil {
		c.ended <- nil
		return nil, err
	}
	mgr, err := c.manager(scheme, o)
	if err != nil {
		c.ended <- nil
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go func() { c.ended <- c.run(ctx, mgr, o.Still) }()
	return c, nil
}

// Stop ends all of it. It may be called again.
func (c *ControlPlane) Stop() (err error) {
	c.stop.Do(func() {
		c.cancel()
		err = <-c.ended
		if c.World != nil {
			err = errors.Join(err, c.World.close())
		}
		err = errors.Join(err, c.environment.Stop())
	})
	return err
}

// run runs the operator, and the world beside it.
func (c *ControlPlane) run(ctx context.Context, mgr ctrl.Manager, still bool) error {
	var wg sync.WaitGroup
	if !still {
		wg.Go(func() { c.World.play(ctx) })
	}
	err := mgr.Start(ctx)
	c.cancel()
	wg.Wait()
	return err
}

func (c *ControlPlane) manager(scheme *runtime.Scheme, o Options) (ctrl.Manager, error) {
	if o.Operator.Operator == "" {
		o.Operator.Operator = "controlplane"
	}
	mgr, err := ctrl.NewManager(c.Config, ctrl.Options{
		Scheme:  scheme,
		Cache:   cache.Options{ByObject: chatcluster.CacheOptions()},
		Client:  client.Options{FieldOwner: string(chatcluster.FieldOwner)},
		Metrics: metricsserver.Options{BindAddress: "0"},
		// Another control plane of this process may have a controller of that name, too.
		Controller:              config.Controller{SkipNameValidation: ptr.To(true)},
		Logger:                  o.Log,
		GracefulShutdownTimeout: ptr.To(10 * time.Second),
	})
	if err != nil {
		return nil, err
	}
	w := c.World
	reconciler := chatcluster.New(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("chatcluster-operator"), chatcluster.External{
		DynamoDB: func(awsclient.Access) (dynamodb.API, error) { return w.DynamoDB, nil },
		Pinpoint: func(awsclient.Access) (pinpoint.API, error) { return w.Pinpoint, nil },
		Kafka: func(kafka.Access) (kafka.Admin, error) {
			return w.brokers.Get(kafka.NewAccess(w.Kafka.ListenAddrs(), false))
		},
		Redis:   func(redis.Access) (redis.Cache, error) { return w.Cache, nil },
		Tenants: func(_ awsclient.Access, prefix string) (store.Tenants, error) { return w.Items(prefix) },
	}, o.Operator)
	tenants := chattenant.New(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("chatcluster-operator"), reconciler, chattenant.Options{
		AllowInsecureIssuers: o.Operator.AllowInsecureIssuers, ObserveEvery: o.Operator.ObserveEvery,
	})
	ctx := context.Background()
	return mgr, errors.Join(reconciler.SetupWithManager(ctx, mgr, workers), tenants.SetupWithManager(ctx, mgr, workers))
}

func readCRDs(from fs.FS, pattern string) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	files, err := fs.Glob(from, pattern)
	if err != nil {
		return nil, err
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, len(files))
	for i, f := range files {
		data, err := fs.ReadFile(from, f)
		if err != nil {
			return nil, err
		}
		crds[i] = &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(data, crds[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return crds, nil
}

func newWorld(c client.WithWatch) (*World, error) {
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		return nil, fmt.Errorf("start the fake Kafka: %w", err)
	}
	return &World{
		DynamoDB: &dynamodbtest.Fake{}, Pinpoint: &pinpointtest.Fake{}, Kafka: brokers, Cache: &Cache{},
		client: c, stores: map[string]*embedded.Store{},
		brokers: kafka.NewClients(func(awsclient.Access) (aws.CredentialsProvider, error) { return aws.AnonymousCredentials{}, nil }),
	}, nil
}
