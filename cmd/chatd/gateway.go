package main

import (
	"context"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/readmodel/inbox"
	"github.com/chatcluster/chatcluster/runtime/web"
)

func runGateway(ctx context.Context, r role, o *ops) error {
	b, err := r.backends(ctx)
	if err != nil {
		return err
	}
	defer b.cache.Close()
	model, err := readmodel.Open(r.cfg.Postgres, readmodel.Options{Application: r.clientID()})
	if err != nil {
		return err
	}
	defer model.Close()
	producer, err := r.producer()
	if err != nil {
		return err
	}
	defer r.closeProducer(producer)
	book, err := r.figures(producer, o)
	if err != nil {
		return err
	}
	defer r.closeFigures(book)
	directory, err := r.tenants(b)
	if err != nil {
		return err
	}
	verifier, err := r.verifier(directory)
	if err != nil {
		return err
	}
	revocations, err := auth.NewRevocations(auth.RevocationsOptions{Store: b.store, Log: r.log})
	if err != nil {
		return err
	}
	reader, err := inbox.NewReader(inbox.Options{Model: model, Memberships: b.store, Cache: b.cache, Log: r.log, Registerer: o.registerer})
	if err != nil {
		return err
	}
	creds, _, err := r.chatCredentials(o)
	if err != nil {
		return err
	}
	pages, err := r.pages()
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Options{
		Name:            r.pod,
		Verifier:        verifier,
		Revocations:     revocations,
		Store:           settled{b.store, inbox.NewSettings(b.store, b.cache, producer)},
		Marks:           deviceMarks{b.cache},
		MarkLog:         producer,
		Audit:           producer,
		Figures:         book,
		Inbox:           inboxes{reader, inbox.NewSettings(b.store, b.cache, producer)},
		History:         history.NewReader(b.store, model),
		Routes:          b.cache,
		Tenants:         directory,
		Use:             b.cache,
		ChatService:     r.cfg.Chat.Service,
		ChatCredentials: creds,
		Resolve:         fixed(r.cfg.Chat.Addresses),
		AllowedOrigins:  r.cfg.Gateway.AllowedOrigins,
		Pages:           pages,
		MaxConnections:  r.cfg.Gateway.MaxConnections,
		DrainPeriod:     r.cfg.Gateway.DrainPeriod.Duration,
		Logger:          r.log,
		Registerer:      o.registerer,
		Tracers:         r.tracers,
	})
	if err != nil {
		return err
	}
	ln, err := r.listener(ctx)
	if err != nil {
		return err
	}
	o.require(
		check{name: "chat", run: g.Ready},
		check{name: "revocations", run: revocations.Ready, weight: toStart},
		check{name: "store", run: storeAnswers(b.store), weight: toStart},
		check{name: "read model", run: model.Compatible, weight: toStart},
		check{name: "kafka", run: producer.Ping, weight: told},
		check{name: "cache", run: b.cache.Ping, weight: told},
	)
	return beside(ctx,
		func(ctx context.Context) error { return g.Run(ctx, ln) },
		verifier.Run,
		directory.Run,
		book.Run,
		revocations.Run)
}

// pages is the web client; nil where none is wanted.
func (r role) pages() (http.Handler, error) {
	if !r.cfg.Gateway.WebClient {
		return nil, nil
	}
	o := web.Options{Version: version}
	for _, i := range r.cfg.Auth.Issuers {
		if i.SignIn.ClientID == "" {
			continue
		}
		token := web.AccessToken
		if i.SignIn.IDToken {
			token = web.IDToken
		}
		o.Issuers = append(o.Issuers, web.Issuer{
			Name: i.Tenant, Issuer: i.Issuer, ClientID: i.SignIn.ClientID, Audience: i.Audience, Scopes: i.SignIn.Scopes, Token: token, Origins: i.SignIn.Origins,
		})
	}
	h, err := web.New(o)
	if err != nil {
		return nil, err
	}
	if !h.Built() {
		r.log.Warn("there is no web client to serve", "why", web.NotBuilt)
	}
	return h, nil
}

// fixed resolves every host to the addresses; nil, which is the system's resolver, when there are none.
func fixed(addresses []string) func(context.Context, string) ([]string, error) {
	if len(addresses) == 0 {
		return nil
	}
	return func(context.Context, string) ([]string, error) { return addresses, nil }
}
