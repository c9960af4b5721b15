package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chatcluster/chatcluster/runtime/config"
)

const (
	writeStatementTimeout = 30 * time.Second
	readStatementTimeout  = 5 * time.Second
	idleInTxTimeout       = 30 * time.Second
	defaultMaxConns       = 8
)

// Options are what a role asks of its connections.
type Options struct {
	// Application shows in pg_stat_activity.
	Application string
	// MaxConns bounds each pool; 0 means 8.
	MaxConns int32
}

// Model is the read model. It is safe for concurrent use; Close it when nothing uses it any more.
type Model struct {
	writer, reader *pgxpool.Pool
}

// Open makes the pools. It does not connect: use Compatible to learn whether the database is there and fits.
func Open(cfg config.Postgres, o Options) (*Model, error) {
	writer, err := pool(cfg, cfg.Host, o, map[string]string{"statement_timeout": milliseconds(writeStatementTimeout)})
	if err != nil {
		return nil, err
	}
	readerHost := cfg.ReaderHost
	if readerHost == "" {
		readerHost = cfg.Host
	}
	reader, err := pool(cfg, readerHost, o, map[string]string{
		"statement_timeout": milliseconds(readStatementTimeout), "default_transaction_read_only": "on",
	})
	if err != nil {
		writer.Close()
		return nil, err
	}
	return &Model{writer: writer, reader: reader}, nil
}

func pool(cfg config.Postgres, host string, o Options, params map[string]string) (*pgxpool.Pool, error) {
	params["idle_in_transaction_session_timeout"] = milliseconds(idleInTxTimeout)
	cc, err := connConfig(cfg, host, o.Application, params)
	if err != nil {
		return nil, err
	}
	// pgxpool refuses a Config that its own parser did not make.
	pc, err := pgxpool.ParseConfig("host=localhost")
	if err != nil {
		return nil, fmt.Errorf("configuration: postgres: %w", err)
	}
	pc.ConnConfig = cc
	pc.BeforeConnect = login(cfg, host)
	pc.MaxConns = o.MaxConns
	if pc.MaxConns <= 0 {
		pc.MaxConns = defaultMaxConns
	}
	pc.MaxConnLifetime = 30 * time.Minute
	pc.MaxConnLifetimeJitter = 5 * time.Minute
	pc.MaxConnIdleTime = 5 * time.Minute
	p, err := pgxpool.NewWithConfig(context.Background(), pc)
	if err != nil {
		return nil, fmt.Errorf("open the database's pool: %w", err)
	}
	return p, nil
}

// Close waits for the connections in use and closes all.
func (m *Model) Close() {
	m.writer.Close()
	m.reader.Close()
}
