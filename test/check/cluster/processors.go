package cluster

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/moderate/fraud"
	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/test/check"
)

// What the tenant's own lists have: a word that nobody says by chance, and a domain.
const (
	profaneWord   = "zorkmidge"
	blockedDomain = "blocked.example"
)

// processors are the detectors that run, and what they find. Everybody here sends too many messages, so spam needs another reason.
var processors = []check.Processor{
	{Name: profanity.Name, Lure: profaneWord, Sure: true, Action: protocol.ActionMask},
	{Name: fraud.Name, Lure: "https://" + blockedDomain + "/now", Sure: true, Action: protocol.ActionFlag},
	{Name: spam.Name, Lure: "Earn $500 a day working from home, no experience needed! Message me now", Action: protocol.ActionFlag},
}

// detectors writes the lists and returns the detectors' part of the configuration.
func (c *Cluster) detectors() (config.Processors, error) {
	lists := map[string]string{
		profanity.Name: fmt.Sprintf("tenant: %s\nwords: [%s]\n", tenant, profaneWord),
		fraud.Name:     fmt.Sprintf("tenant: %s\nblock: [%s]\n", tenant, blockedDomain),
	}
	for name, list := range lists {
		dir := c.listsOf(name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return config.Processors{}, err
		}
		if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(list), 0o600); err != nil {
			return config.Processors{}, err
		}
	}
	return config.Processors{
		Profanity: &config.Detector{Mode: "Enforce", ListsDir: c.listsOf(profanity.Name)},
		Fraud:     &config.Detector{Mode: "Flag", ListsDir: c.listsOf(fraud.Name)},
		Spam:      &config.Detector{Mode: "Flag", Threshold: 100},
	}, nil
}

func (c *Cluster) listsOf(detector string) string { return filepath.Join(c.o.Dir, "lists", detector) }
