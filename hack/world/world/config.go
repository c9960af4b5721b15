package world

import (
	"encoding/json"
	"fmt"
	"os"
)

// Config is what `up` hands to the supervisor: where everything is that it runs. It stands in <state>/config.json;
// a running supervisor whose Config differs from a new one is replaced.
type Config struct {
	Layout      Layout         `json:"layout"`
	EnginesOnly bool           `json:"enginesOnly"`
	Ports       map[string]int `json:"ports"`

	Standins string `json:"standins"` // hack/standins: the sink and the issuer
	Revision string `json:"revision"` // a hash of this program: a changed one is a new supervisor
	Java     string `json:"java"`
	Postgres string `json:"postgres"` // folder of PostgreSQL's programs
	Engines  string `json:"engines"`  // folder with kafka/lib and dynamodb/lib

	Etcd       string  `json:"etcd,omitempty"`       // folder of etcd
	Kubernetes string  `json:"kubernetes,omitempty"` // folder of the Kubernetes programs
	PauseImage string  `json:"pauseImage,omitempty"`
	NodeImages []Image `json:"nodeImages,omitempty"` // to import before the kubelet starts
}

// Image is a container image on disk.
type Image struct {
	Ref     string `json:"ref"`     // chatcluster/chatd:dev-0123456789ab: the tag names the content
	Archive string `json:"archive"` // a docker-archive tarball
}

// configFile is the Config's file.
func (l Layout) configFile() string { return l.Path("config.json") }

// Save writes the Config whole or not at all.
func (c Config) Save() error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(c.Layout.configFile(), append(b, '\n'), 0o600)
}

// LoadConfig reads the Config of the world in a state folder.
func LoadConfig(state string) (Config, error) {
	var c Config
	file := Layout{State: state}.configFile()
	b, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}
