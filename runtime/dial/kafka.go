package dial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	mskiam "github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Mechanisms of SASL.
const (
	MSKIAM      = "AWS_MSK_IAM"
	SCRAMSHA256 = "SCRAM-SHA-256"
	SCRAMSHA512 = "SCRAM-SHA-512"
)

// Kafka is how one logs in to brokers.
type Kafka struct {
	// TLS is nil for plain connections.
	TLS *TLS
	// Mechanism is one of the above, empty for none.
	Mechanism string
	// User and Password are SCRAM's.
	User     string
	Password Source
	// AWS is who MSK is told one is, for MSKIAM.
	AWS aws.CredentialsProvider
	// Timeout bounds the connection to a broker.
	Timeout time.Duration
}

// Options are for any client of the brokers.
func (k Kafka) Options() ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.DialTimeout(k.Timeout)}
	if k.TLS != nil {
		opts = []kgo.Opt{kgo.Dialer(k.TLS.Dialer(k.Timeout))}
	}
	mechanism, err := k.mechanism()
	if err != nil || mechanism == nil {
		return opts, err
	}
	return append(opts, kgo.SASL(mechanism)), nil
}

func (k Kafka) mechanism() (sasl.Mechanism, error) {
	user := func(context.Context) (scram.Auth, error) {
		password, err := text(k.Password)
		return scram.Auth{User: k.User, Pass: password}, err
	}
	switch k.Mechanism {
	case "":
		return nil, nil //nolint:nilnil // None is what was asked for.
	case SCRAMSHA256:
		return scram.Sha256(user), nil
	case SCRAMSHA512:
		return scram.Sha512(user), nil
	case MSKIAM:
		if k.AWS == nil {
			return nil, errors.New("kafka: IAM needs AWS credentials")
		}
		return mskiam.ManagedStreamingIAM(func(ctx context.Context) (mskiam.Auth, error) {
			c, err := k.AWS.Retrieve(ctx)
			if err != nil {
				return mskiam.Auth{}, fmt.Errorf("kafka: AWS credentials: %w", err)
			}
			return mskiam.Auth{AccessKey: c.AccessKeyID, SecretKey: c.SecretAccessKey, SessionToken: c.SessionToken, UserAgent: "chatcluster"}, nil
		}), nil
	}
	return nil, fmt.Errorf("kafka: unknown mechanism %q", k.Mechanism)
}
