package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"

	"github.com/chatcluster/chatcluster/runtime/mtls"
)

// chatCredentials are what gateways and chat pods make sure of each other with, on either end; nil where they talk in the clear. Chat pods
// are clients, too: they take verdicts to each other.
func (r role) chatCredentials(o *ops) (client, server credentials.TransportCredentials, err error) {
	c := r.cfg.Chat.TLS
	if !c.Enabled() {
		return nil, nil, nil
	}
	files, err := mtls.Open(mtls.Paths{Cert: c.CertFile, Key: c.KeyFile, CA: c.CAFile})
	if err != nil {
		return nil, nil, err
	}
	if err := o.registerer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "chatcluster_internal_certificate_not_after_seconds",
		Help: "Until when the certificate between gateways and chat pods is valid, in seconds since 1970.",
	}, func() float64 { return float64(files.NotAfter().Unix()) })); err != nil {
		return nil, nil, err
	}
	o.require(check{name: "certificate", run: func(context.Context) error { return files.Check() }, weight: told})
	return mtls.Client(files, c.ChatName), mtls.Server(files, c.GatewayName, c.ChatName), nil
}
