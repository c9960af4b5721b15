package engines

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// readyWithin is for a cold start of one of six processes that share two cores with a control plane.
const readyWithin = 2 * time.Minute

// Components are the engines of a world, none of which waits for another.
func Components(c world.Config, w world.World) ([]supervisor.Component, error) {
	pg, err := postgres(c, w)
	if err != nil {
		return nil, err
	}
	return []supervisor.Component{pg, redis(c, w), kafka(c, w), dynamodb(c, w), sink(c, w), issuer(c, w)}, nil
}

// path is what every process of a world gets as PATH.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func sink(c world.Config, w world.World) supervisor.Component {
	return supervisor.Component{
		Name: "sink", Path: c.Standins, Env: []string{path},
		Args:  []string{"sink", "--listen", hostport(w.Sink.Inside), "--state", c.Layout.Path("sink.json")},
		Ready: responds(w.Sink.Inside + "/"), ReadyWithin: readyWithin,
	}
}

func issuer(c world.Config, w world.World) supervisor.Component {
	return supervisor.Component{
		Name: "issuer", Path: c.Standins, Env: []string{path},
		Args: []string{
			"issuer", "--listen", hostport(w.Issuer.Inside), "--issuer", w.Issuer.ID, "--key", w.Issuer.KeyFile, "--audience", w.Issuer.Audience,
			"--other", world.TenantIssuerName + "=" + w.TenantIssuer.KeyFile, "--others-at", w.Issuer.Inside,
		},
		Ready: responds(w.Issuer.Inside + "/.well-known/jwks.json"), ReadyWithin: readyWithin,
	}
}

func hostport(url string) string { return strings.TrimPrefix(url, "http://") }

// responds probes that an HTTP server answers at all, whatever it says.
func responds(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
}

// accepts probes that a server takes connections.
func accepts(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// secret reads a file that holds one secret.
func secret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return s, nil
}
