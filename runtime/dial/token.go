package dial

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	// tokenLife is how long AWS takes a token for logging in; the connection stays.
	tokenLife = 15 * time.Minute
	// emptyHash is the SHA-256 of no body.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Identity makes tokens that take the place of passwords where IAM decides who may log in.
type Identity struct {
	AWS    aws.CredentialsProvider
	Region string

	now func() time.Time
}

// Postgres is a password of an Aurora or RDS user for the next 15 minutes.
func (i Identity) Postgres(ctx context.Context, host string, port int, user string) (string, error) {
	return i.token(ctx, "rds-db", net.JoinHostPort(host, strconv.Itoa(port)), url.Values{"DBUser": {user}})
}

// Redis is a password of an ElastiCache user for the next 15 minutes. name is the replication group's, or the serverless
// cache's.
func (i Identity) Redis(ctx context.Context, name, user string, serverless bool) (string, error) {
	query := url.Values{"User": {user}}
	if serverless {
		query.Set("ResourceType", "ServerlessCache")
	}
	return i.token(ctx, "elasticache", strings.ToLower(name), query)
}

// token is a presigned URL without its scheme.
func (i Identity) token(ctx context.Context, service, host string, query url.Values) (string, error) {
	c, err := i.AWS.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("AWS credentials for %s: %w", service, err)
	}
	query.Set("Action", "connect")
	query.Set("X-Amz-Expires", strconv.Itoa(int(tokenLife.Seconds())))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/?"+query.Encode(), nil)
	if err != nil {
		return "", fmt.Errorf("token for %s: %w", service, err)
	}
	now := time.Now
	if i.now != nil {
		now = i.now
	}
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, c, r, emptyHash, service, i.Region, now())
	if err != nil {
		return "", fmt.Errorf("token for %s: %w", service, err)
	}
	return strings.TrimPrefix(signed, "https://"), nil
}
