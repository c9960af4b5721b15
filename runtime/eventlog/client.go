package eventlog

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// dialTimeout bounds the connection to a broker.
const dialTimeout = 5 * time.Second

// clientOptions are what producers and consumers share. The client id tells a pod's connections apart in the brokers' logs
// and quotas.
func clientOptions(cfg config.Kafka, clientID string) ([]kgo.Opt, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("kafka: no brokers")
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(clientID),
		kgo.DialTimeout(dialTimeout),
		// A topic that the operator has just made is found within a second, not five.
		kgo.MetadataMinAge(time.Second),
	}
	if cfg.TLS {
		opts = append(opts, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	return opts, nil
}
