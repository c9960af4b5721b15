package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/standins/provider"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	root := &cobra.Command{Use: "standins", Short: "Stand-ins of the local world", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(sinkCommand(), issuerCommand(), tokenCommand())
	err := root.ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "standins:", err)
		os.Exit(1)
	}
}

func sinkCommand() *cobra.Command {
	var listen, state string
	c := &cobra.Command{
		Use: "sink", Args: cobra.NoArgs, Short: "Serve the push sink",
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := sink.New(sink.Options{StatePath: state, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
			if err != nil {
				return err
			}
			return serve(cmd.Context(), listen, h)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8081", "address to serve on")
	c.Flags().StringVar(&state, "state", "", "file that keeps the applications over restarts")
	return c
}

func issuerCommand() *cobra.Command {
	var listen, key, othersAt string
	var signIn provider.Options
	var others map[string]string
	c := &cobra.Command{
		Use: "issuer", Args: cobra.NoArgs, Short: "Serve the token issuer: its documents, and sign-in for web clients",
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := issuers(signIn, key, cmp.Or(othersAt, signIn.Issuer), others)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), listen, h)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8082", "address to serve on")
	c.Flags().StringVar(&signIn.Issuer, "issuer", "", "the tokens' iss, where browsers reach it")
	c.Flags().StringVar(&key, "key", "", "the signing key's file; made when missing")
	c.Flags().StringVar(&signIn.Client, "client", "chatcluster-web", "id of the client that may sign people in, a public one on this machine")
	c.Flags().StringVar(&signIn.Audience, "audience", "chatcluster", "the access tokens' aud")
	c.Flags().StringSliceVar(&signIn.Users, "user", []string{"alice", "bob", "carol", "dave"}, "whom one can sign in as")
	c.Flags().StringToStringVar(&others, "other", nil, "name=key file of a further issuer, which signs nobody in; may be repeated")
	c.Flags().StringVar(&othersAt, "others-at", "", "URL below which the others are, each at /name (default: the issuer's)")
	return c
}

// issuers serves the issuer at its URL, and the others, who know nothing of its key, below it.
func issuers(signIn provider.Options, key, othersAt string, others map[string]string) (http.Handler, error) {
	var err error
	if signIn.Key, err = issuer.LoadOrCreateKey(key); err != nil {
		return nil, err
	}
	own, err := provider.New(signIn)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", own)
	for name, file := range others {
		k, err := issuer.LoadOrCreateKey(file)
		if err != nil {
			return nil, err
		}
		other, err := issuer.Handler(othersAt+"/"+name, k)
		if err != nil {
			return nil, err
		}
		mux.Handle("/"+name+"/", http.StripPrefix("/"+name, other))
	}
	return mux, nil
}

func tokenCommand() *cobra.Command {
	var key string
	var claims issuer.Claims
	c := &cobra.Command{
		Use: "token", Args: cobra.NoArgs, Short: "Print a token",
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := issuer.LoadOrCreateKey(key)
			if err != nil {
				return err
			}
			token, err := issuer.Mint(k, claims)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	c.Flags().StringVar(&key, "key", "", "the signing key's file; made when missing")
	c.Flags().StringVar(&claims.Issuer, "issuer", "", "iss")
	c.Flags().StringVar(&claims.Audience, "audience", "", "aud")
	c.Flags().StringVar(&claims.User, "user", "", "sub")
	c.Flags().DurationVar(&claims.TTL, "ttl", 24*time.Hour, "how long the token lives")
	return c
}

// drainFor is what requests in flight get at the end.
const drainFor = 3 * time.Second

// serve serves h on addr until ctx ends.
func serve(ctx context.Context, addr string, h http.Handler) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", addr, err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	err = srv.Shutdown(drain)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
