package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// World is world.json: everything that a test or a person needs to use a running world. Addresses are the host's
// loopback; Inside holds what pods use for the same engines. Secrets stand in files of mode 0600, never here.
type World struct {
	Name        string         `json:"name"`
	State       string         `json:"state"`
	EnginesOnly bool           `json:"enginesOnly"`
	Ports       map[string]int `json:"ports"`

	Kubeconfig string `json:"kubeconfig,omitempty"`
	Kubectl    string `json:"kubectl,omitempty"`
	Helm       string `json:"helm,omitempty"`
	GatewayURL string `json:"gatewayURL,omitempty"` // ws://127.0.0.1:…, the sample's gateway
	WebURL     string `json:"webURL,omitempty"`     // http://127.0.0.1:…/app/, the sample's web client
	Proxy      string `json:"proxy"`                // http://127.0.0.1:…, HTTP CONNECT to any address inside
	Control    string `json:"control"`              // the supervisor's Unix socket

	Postgres Postgres `json:"postgres"`
	Redis    Redis    `json:"redis"`
	Kafka    Kafka    `json:"kafka"`
	DynamoDB DynamoDB `json:"dynamodb"`
	Sink     Sink     `json:"sink"`
	Issuer   Issuer   `json:"issuer"`
	// TenantIssuer is somebody else's: it shares no key with Issuer and is found through its OpenID configuration.
	TenantIssuer Issuer `json:"tenantIssuer"`

	// Images are the product's images as the node knows them, by short name (manager, chatd, and chatd-next where it was asked for).
	Images map[string]string `json:"images,omitempty"`
}

// Postgres is the database's address, role and password.
type Postgres struct {
	Address      string `json:"address"`
	Inside       string `json:"inside"`
	Database     string `json:"database"`
	User         string `json:"user"`
	PasswordFile string `json:"passwordFile"`
}

// Redis is the cache's address and password.
type Redis struct {
	Address      string `json:"address"`
	Inside       string `json:"inside"`
	PasswordFile string `json:"passwordFile"`
}

// Kafka is the broker's address. It has a listener for either side: it advertises Address to clients that come
// through the host's loopback, Inside to the others.
type Kafka struct {
	Address string `json:"address"`
	Inside  string `json:"inside"`
}

// DynamoDB is DynamoDB Local. It takes any credentials; one pair must be used throughout.
type DynamoDB struct {
	Endpoint        string `json:"endpoint"`
	Inside          string `json:"inside"`
	Region          string `json:"region"`
	CredentialsFile string `json:"credentialsFile"` // AWS shared-credentials format
}

// Sink is the push sink: the Pinpoint API, and a page that shows what each phone would show.
type Sink struct {
	URL    string `json:"url"`
	Inside string `json:"inside"`
}

// Issuer signs the demo's tokens.
type Issuer struct {
	// ID is the tokens' `iss`: where browsers find who signs people in, and pods who signs nobody in.
	ID       string            `json:"id"`
	URL      string            `json:"url"`
	Inside   string            `json:"inside"`
	Audience string            `json:"audience"`
	KeyFile  string            `json:"keyFile"`          // PEM, ES256
	Tokens   map[string]string `json:"tokens,omitempty"` // demo user → file with a token
}

// TenantIssuerName is the last part of the TenantIssuer's URL.
const TenantIssuerName = "initech"

// Describe derives world.json from a layout and the host ports that were opened.
func Describe(l Layout, ports map[string]int, enginesOnly bool) World {
	at := func(name string) string { return "127.0.0.1:" + strconv.Itoa(ports[name]) }
	w := World{
		Name: l.Name, State: l.State, EnginesOnly: enginesOnly, Ports: ports,
		Proxy:    "http://" + at(PortProxy),
		Control:  l.ControlSocket(),
		Postgres: Postgres{Address: at(PortPostgres), Inside: NodeIP + ":5432", Database: "chatcluster", User: "chatcluster", PasswordFile: l.Path("secrets", "postgres-password")},
		Redis:    Redis{Address: at(PortRedis), Inside: NodeIP + ":6379", PasswordFile: l.Path("secrets", "redis-password")},
		Kafka:    Kafka{Address: at(PortKafka), Inside: NodeIP + ":9092"},
		DynamoDB: DynamoDB{Endpoint: "http://" + at(PortDynamoDB), Inside: "http://" + NodeIP + ":8000", Region: "us-east-1", CredentialsFile: l.Path("secrets", "aws-credentials")},
		Sink:     Sink{URL: "http://" + at(PortSink), Inside: "http://" + NodeIP + ":8081"},
		Issuer: Issuer{
			ID: "http://" + at(PortIssuer), URL: "http://" + at(PortIssuer), Inside: "http://" + NodeIP + ":8082", Audience: "chatcluster",
			KeyFile: l.Path("secrets", "issuer.key"),
			Tokens:  map[string]string{"alice": l.Path("secrets", "alice.token"), "bob": l.Path("secrets", "bob.token")},
		},
	}
	w.TenantIssuer = Issuer{
		URL: w.Issuer.URL + "/" + TenantIssuerName, Inside: w.Issuer.Inside + "/" + TenantIssuerName, Audience: "chat",
		KeyFile: l.Path("secrets", "tenant-issuer.key"),
	}
	w.TenantIssuer.ID = w.TenantIssuer.Inside
	if !enginesOnly {
		w.Kubeconfig = l.Path("kubeconfig")
		w.Kubectl = filepath.Join(l.Repo, "bin", "kubectl")
		w.GatewayURL = "ws://" + at(PortGateway)
		w.WebURL = "http://" + at(PortGateway) + "/app/"
	}
	return w
}

// Load reads world.json; found is false when there is none.
func Load(l Layout) (w World, found bool, err error) {
	b, err := os.ReadFile(l.File())
	if errors.Is(err, fs.ErrNotExist) {
		return World{}, false, nil
	}
	if err != nil {
		return World{}, false, err
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return World{}, false, fmt.Errorf("%s: %w", l.File(), err)
	}
	return w, true, nil
}

// Save writes world.json whole or not at all.
func (w World) Save(l Layout) error {
	b, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(l.File(), append(b, '\n'), 0o600)
}

// WriteFile replaces a file in one step, so that a reader or a crash never sees half of it.
func WriteFile(path string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err := tmp.Write(content); err != nil {
		_ = tmp.Close()
		return err
	}
	if err := tmp.Chmod(mode); err != nil {
		_ = tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
