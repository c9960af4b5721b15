package eventlog

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

// dialTimeout bounds the connection to a broker.
const dialTimeout = 5 * time.Second

// clientOptions are what producers and consumers share. The client id tells a pod's connections apart in the brokers' logs
// and quotas.
func clientOptions(cfg config.Kafka, clientID string) ([]kgo.Opt, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("kafka: no brokers")
	}
	login := dial.Kafka{
		Mechanism: cfg.Mechanism, User: cfg.User, Password: dial.File(cfg.PasswordFile), AWS: cfg.AWS, Timeout: dialTimeout,
	}
	if cfg.TLS {
		login.TLS = &dial.TLS{CA: dial.File(cfg.CAFile), Cert: dial.File(cfg.CertFile), Key: dial.File(cfg.KeyFile)}
	}
	opts, err := login.Options()
	if err != nil {
		return nil, err
	}
	return append(opts,
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(clientID),
		// A topic that the operator has just made is found within a second, not five.
		kgo.MetadataMinAge(time.Second),
	), nil
}
