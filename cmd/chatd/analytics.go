package main

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/analytics"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
)

func runAnalytics(ctx context.Context, r role, o *ops) error {
	if _, err := r.awsConfig(ctx); err != nil {
		return err
	}
	model, err := readmodel.Open(r.cfg.Postgres, readmodel.Options{Application: r.clientID()})
	if err != nil {
		return err
	}
	defer model.Close()
	analyst, err := analytics.New(analytics.Options{
		Tables: analytics.NewRollups(model, r.cfg.Analytics.MinuteRetention.Duration), Logger: r.log, Registerer: o.registerer,
	})
	if err != nil {
		return err
	}
	o.require(check{name: "read model", run: model.Compatible})
	return r.consume(ctx, o, analyst.Consumer(), analyst.Run)
}
