package readmodel

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

const connectTimeout = 5 * time.Second

// connConfig returns how to connect to host. The password is not in it: see login.
func connConfig(cfg config.Postgres, host, application string, params map[string]string) (*pgx.ConnConfig, error) {
	sslMode := cfg.SSLMode
	if sslMode == "" {
		sslMode = "require"
	}
	settings := []string{
		"host=" + quoteSetting(host),
		"port=" + strconv.Itoa(cfg.Port),
		"dbname=" + quoteSetting(cfg.Database),
		"user=" + quoteSetting(cfg.User),
		"sslmode=" + quoteSetting(sslMode),
		"application_name=" + quoteSetting(application),
	}
	cc, err := pgx.ParseConfig(strings.Join(settings, " "))
	if err != nil {
		return nil, fmt.Errorf("configuration: postgres: %w", err)
	}
	cc.ConnectTimeout = connectTimeout
	for k, v := range params {
		cc.RuntimeParams[k] = v
	}
	return cc, nil
}

// login reads the password, or makes a token, and reads the authorities at each connect: what is rotated needs no restart.
func login(cfg config.Postgres, host string) func(context.Context, *pgx.ConnConfig) error {
	return func(ctx context.Context, cc *pgx.ConnConfig) (err error) {
		switch {
		case cfg.IAM && cfg.Token == nil:
			return errors.New("postgres: IAM needs AWS credentials")
		case cfg.IAM:
			cc.Password, err = cfg.Token(ctx, host)
		default:
			cc.Password, err = config.ReadSecret(cfg.PasswordFile)
		}
		if err != nil || cfg.CAFile == "" {
			return err
		}
		cc.TLSConfig, err = dial.TLS{CA: dial.File(cfg.CAFile)}.Config(host)
		return err
	}
}

// quoteSetting quotes a value of a libpq connection string.
func quoteSetting(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// milliseconds is a PostgreSQL setting of time.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
