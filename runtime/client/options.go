package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// TokenSource returns a token; it is asked at every connect, for every REST call, and when the gateway says that the token of the
// connection is about to expire, so it can renew.
type TokenSource func(ctx context.Context) (string, error)

// StaticToken is always the same token.
func StaticToken(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// State remembers what the application has seen, so that a client that starts again sees nothing twice.
type State interface {
	// Load returns the last seq seen of each conversation.
	Load(ctx context.Context) (map[string]uint64, error)
	// Save is called after the handler returned and before the entry is confirmed. An error ends the client: it could not keep
	// its promise.
	Save(ctx context.Context, conversation string, seq uint64) error
}

// Options of a Client. URL, Token and Device are required.
type Options struct {
	// URL is the gateway's: ws://host:port, wss://…, or the same with http; a path is not needed.
	URL    string
	Token  TokenSource
	Device string
	// Platform is ios, android, amazon, web or cli.
	Platform string
	// Locale is the language of the device's pushes, a BCP 47 tag; empty: as the server knows it.
	Locale string

	// OnEntries takes consecutive entries of one conversation, in order. May be nil.
	OnEntries func(conversation string, entries []protocol.Entry)
	// OnReceipt takes another's or another device's read mark. May be nil.
	OnReceipt func(conversation, user string, read uint64)
	// OnTyping is told that somebody writes in a conversation, or has stopped. May be nil.
	OnTyping func(conversation, user string, active bool)
	// OnPresence is told of those who are watched: all of them after Watch, then who changes. May be nil.
	OnPresence func([]protocol.Presence)
	// OnGap is asked about entries from and to, both included, that the server leaves to the history: true means that the
	// application pages for itself and the client goes on behind them. Nil, or false: the client fetches them all.
	OnGap func(conversation string, from, to uint64) bool
	// OnState is told of connects (nil) and disconnects (why). May be nil. It must return soon.
	OnState func(error)

	// State is kept in memory when nil.
	State State
	// MaxPending bounds the messages without an answer: 1,024.
	MaxPending int
	// MinBackoff and MaxBackoff bound the wait before a reconnect: 100 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration
	// IdleTimeout is how long the gateway may say nothing: 90 s.
	IdleTimeout time.Duration
	// HTTP makes the REST calls; a client with a 30 s timeout when nil.
	HTTP *http.Client
	// Dialer makes the WebSocket; a default one when nil.
	Dialer *websocket.Dialer
	Logger *slog.Logger
}

// check fills in defaults and returns the URLs of the socket and of REST.
func (o *Options) check() (ws, rest string, err error) {
	if o.Token == nil || o.Device == "" {
		return "", "", errors.New("client: Token and Device are required")
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return "", "", fmt.Errorf("client: URL %q is not one of a gateway", o.URL)
	}
	secure := u.Scheme == "wss" || u.Scheme == "https"
	if !secure && u.Scheme != "ws" && u.Scheme != "http" {
		return "", "", fmt.Errorf("client: URL %q is neither ws, wss, http nor https", o.URL)
	}
	base := u.Host + strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/v1/ws")
	ws, rest = "ws://"+base+"/v1/ws", "http://"+base
	if secure {
		ws, rest = "wss://"+base+"/v1/ws", "https://"+base
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 1024
	}
	if o.MinBackoff <= 0 {
		o.MinBackoff = 100 * time.Millisecond
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = 10 * time.Second
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 90 * time.Second
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	if o.Dialer == nil {
		o.Dialer = &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 10 * time.Second}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return ws, rest, nil
}
