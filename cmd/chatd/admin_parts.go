package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/analytics"
	"github.com/chatcluster/chatcluster/runtime/mutes"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// adminMutes are the directory's, in the admin API's words.
type adminMutes struct{ *mutes.Directory }

// Mute implements admin.Mutes.
func (m adminMutes) Mute(ctx context.Context, u store.User, until time.Time, by string) error {
	now := time.Now().Truncate(time.Millisecond)
	return m.Directory.Mute(ctx, store.Mute{User: u, At: now, Said: now, Until: until.Truncate(time.Second), By: by})
}

// Unmute implements admin.Mutes.
func (m adminMutes) Unmute(ctx context.Context, u store.User, by string) error {
	return m.Lift(ctx, u, by)
}

// MutedUntil implements admin.Mutes. Another pod's mute is known a few seconds later.
func (m adminMutes) MutedUntil(_ context.Context, u store.User) (time.Time, error) {
	until, _ := m.Until(u)
	return until, nil
}

// adminStats are the rollups, in the admin API's words.
type adminStats struct{ *analytics.Rollups }

// Stats implements admin.Stats.
func (s adminStats) Stats(ctx context.Context, t store.Tenant, from, to time.Time, step string) (admin.Figures, error) {
	found, err := s.Rollups.Stats(ctx, t, from, to, analytics.Step(step))
	if errors.Is(err, analytics.ErrBadRange) {
		return admin.Figures{}, fmt.Errorf("%w: %w", admin.ErrBadRange, err)
	}
	if err != nil {
		return admin.Figures{}, err
	}
	out := admin.Figures{Total: countsOf(found.Total)}
	for _, p := range found.Points {
		out.Steps = append(out.Steps, admin.Step{StartMS: p.Start.UnixMilli(), Counts: countsOf(p.Figures)})
	}
	return out, nil
}

func countsOf(f analytics.Figures) admin.Counts {
	out := admin.Counts{
		Messages: f.Messages, Edits: f.Edits, Deletions: f.Deletions, Reactions: f.Reactions, ConversationsStarted: f.ConversationsStarted,
		Flagged: f.Flagged, Masked: f.Masked, Hidden: f.Hidden, Reverted: f.Reverted, Reads: f.Reads,
		ActiveUsers: f.ActiveUsers, ActiveConversations: f.ActiveConversations,
		ReadP50MS: f.ReadLatency.P50.Milliseconds(), ReadP90MS: f.ReadLatency.P90.Milliseconds(), ReadP99MS: f.ReadLatency.P99.Milliseconds(),
		Deliveries: f.Deliveries, DeliveryP50MS: f.DeliveryLatency.P50.Milliseconds(), DeliveryP90MS: f.DeliveryLatency.P90.Milliseconds(),
		DeliveryP99MS: f.DeliveryLatency.P99.Milliseconds(),
	}
	for _, p := range f.Pushes {
		out.Pushes = append(out.Pushes, admin.Pushes{Channel: p.Channel, Outcome: p.Outcome, Count: p.Count})
	}
	return out
}

// adminHolds are the read model's, in the admin API's words.
type adminHolds struct{ *readmodel.Model }

func holdOf(h readmodel.Hold) admin.Hold {
	return admin.Hold{Name: h.Name, User: h.User, Reason: h.Reason, By: h.PlacedBy, AtMS: h.PlacedAt.UnixMilli()}
}

// PlaceHold implements admin.Holds.
func (m adminHolds) PlaceHold(ctx context.Context, t store.Tenant, h admin.Hold) (admin.Hold, error) {
	placed, err := m.Model.PlaceHold(ctx, readmodel.Hold{Tenant: t, Name: h.Name, User: h.User, Reason: h.Reason, PlacedBy: h.By})
	if errors.Is(err, readmodel.ErrHoldExists) {
		err = fmt.Errorf("%w: %w", store.ErrExists, err)
	}
	return holdOf(placed), err
}

// Holds implements admin.Holds.
func (m adminHolds) Holds(ctx context.Context, t store.Tenant) ([]admin.Hold, error) {
	found, err := m.Model.Holds(ctx, t)
	if err != nil {
		return nil, err
	}
	out := make([]admin.Hold, len(found))
	for i, h := range found {
		out[i] = holdOf(h)
	}
	return out, nil
}
