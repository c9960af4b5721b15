package readmodel

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/config"
)

const connectTimeout = 5 * time.Second

// connConfig returns how to connect to host. The password is not in it: see setPassword.
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

// setPassword reads the password at each connect, so a rotated Secret needs no restart.
func setPassword(file string) func(context.Context, *pgx.ConnConfig) error {
	return func(_ context.Context, cc *pgx.ConnConfig) error {
		password, err := config.ReadSecret(file)
		if err != nil {
			return err
		}
		cc.Password = password
		return nil
	}
}

// quoteSetting quotes a value of a libpq connection string.
func quoteSetting(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// milliseconds is a PostgreSQL setting of time.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
