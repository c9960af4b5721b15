//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

const (
	// patience bounds the wait for what takes pods to start or stop.
	patience = 3 * time.Minute
	// soon bounds the wait for what takes messages to travel.
	soon = 60 * time.Second

	namespace = "chat"
	cluster   = "demo"
)

// world is what the tests read of world.json, which `world run` names.
type world struct {
	Kubeconfig string `json:"kubeconfig"`
	Kubectl    string `json:"kubectl"`
	Helm       string `json:"helm"`
	GatewayURL string `json:"gatewayURL"`
	DynamoDB   struct {
		Endpoint        string `json:"endpoint"`
		Region          string `json:"region"`
		CredentialsFile string `json:"credentialsFile"`
	} `json:"dynamodb"`
	Sink struct {
		URL string `json:"url"`
	} `json:"sink"`
	Issuer       identity `json:"issuer"`
	TenantIssuer identity `json:"tenantIssuer"`
	Kafka        struct {
		Address string `json:"address"`
	} `json:"kafka"`
	Postgres struct {
		Address      string `json:"address"`
		Database     string `json:"database"`
		User         string `json:"user"`
		PasswordFile string `json:"passwordFile"`
	} `json:"postgres"`
	Redis struct {
		Address      string `json:"address"`
		PasswordFile string `json:"passwordFile"`
	} `json:"redis"`
	Images map[string]string `json:"images"`

	rest *rest.Config
	kube ctrlclient.WithWatch
}

// identity is an issuer of tokens: who it signs for is a tenant's user.
type identity struct {
	ID       string `json:"id"`
	Inside   string `json:"inside"`
	Audience string `json:"audience"`
	KeyFile  string `json:"keyFile"`
}

func enter(t *testing.T) *world {
	t.Helper()
	path := os.Getenv("CHATCLUSTER_WORLD")
	if path == "" {
		t.Fatal("CHATCLUSTER_WORLD is not set: these tests need a world of their own, use make test-e2e")
	}
	ctrllog.SetLogger(logr.Discard())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	if err := json.Unmarshal(data, w); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", w.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	scheme := clientgoscheme.Scheme
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if w.kube, err = ctrlclient.NewWithWatch(config, ctrlclient.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	w.rest = config
	return w
}

// token mints a token for a user of the sample's tenant.
func (w *world) token(t *testing.T, user string) string {
	t.Helper()
	return w.Issuer.token(t, user)
}

// token mints a token for a user.
func (i identity) token(t *testing.T, user string) string {
	t.Helper()
	return i.sign(t, issuer.Claims{Issuer: i.ID, Audience: i.Audience, User: user, TTL: time.Hour})
}

// sign mints a token that says whatever the claims say.
func (i identity) sign(t *testing.T, claims issuer.Claims) string {
	t.Helper()
	key, err := issuer.LoadKey(i.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Mint(key, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// kubectl runs kubectl as a person would.
func (w *world) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.Kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, errOut.String())
	}
	return out.String()
}

// phone returns what the phone with that push token shows.
func (w *world) phone(ctx context.Context, address string) (sink.Phone, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Sink.URL+"/messages?address="+url.QueryEscape(address), http.NoBody)
	if err != nil {
		return sink.Phone{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return sink.Phone{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return sink.Phone{}, err
	}
	if res.StatusCode != http.StatusOK {
		return sink.Phone{}, fmt.Errorf("the sink answers %s", res.Status)
	}
	var view sink.View
	if err := json.Unmarshal(body, &view); err != nil {
		return sink.Phone{}, err
	}
	if len(view.Phones) == 0 {
		return sink.Phone{}, nil
	}
	return view.Phones[0], nil
}

// eventually waits until the condition holds; what says why it does not goes into the failure.
func eventually(t *testing.T, within time.Duration, what string, condition func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, within, true, func(ctx context.Context) (bool, error) {
		last = condition(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: not within %v: %v", what, within, last)
	}
}
