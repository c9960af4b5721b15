package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/erase"
	"github.com/chatcluster/chatcluster/runtime/export"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// eraser finishes erasures that were begun, by whichever pod.
func (r role) eraser(model *readmodel.Model) (*admin.Eraser, error) {
	own := r
	own.pod = r.pod + "-erase" // beside the role's own streams to chat pods
	return admin.NewEraser(admin.EraserOptions{
		Jobs: erasureJobs{model}, Logger: r.log,
		Erase: func(ctx context.Context, u store.User) error {
			_, err := own.erase(ctx, eraseOptions{user: u, settle: erase.DefaultSettle, pointInTime: maxPointInTime})
			return heldOf(err)
		},
	})
}

// heldOf says of a legal hold in the admin API's words.
func heldOf(err error) error {
	if errors.Is(err, readmodel.ErrHeld) {
		return fmt.Errorf("%w: %w", admin.ErrHeld, err)
	}
	return err
}

// erasureJobs are the read model's erasures, in the admin API's words.
type erasureJobs struct{ model *readmodel.Model }

// Begin implements admin.Erasures.
func (j erasureJobs) Begin(ctx context.Context, u store.User) (admin.Erasure, error) {
	holds, err := j.model.HoldsOn(ctx, u)
	if err == nil {
		err = heldOf(readmodel.Held(holds))
	}
	if err != nil {
		return admin.Erasure{}, err
	}
	e, err := j.model.BeginErasure(ctx, u)
	return erasureOf(e), err
}

func erasureOf(e readmodel.Erasure) admin.Erasure {
	return admin.Erasure{ID: e.ID, Done: e.Done, Report: e.Report}
}

// Erasures implements admin.Erasures.
func (j erasureJobs) Erasures(ctx context.Context, u store.User) ([]admin.Erasure, error) {
	found, err := j.model.Erasures(ctx, u)
	if err != nil {
		return nil, err
	}
	out := make([]admin.Erasure, len(found))
	for i, e := range found {
		out[i] = erasureOf(e)
	}
	return out, nil
}

// Unfinished implements admin.ErasureJobs.
func (j erasureJobs) Unfinished(ctx context.Context, limit int) ([]store.User, error) {
	return j.model.UnfinishedErasures(ctx, limit)
}

// Alone implements admin.ErasureJobs.
func (j erasureJobs) Alone(ctx context.Context, u store.User, f func(context.Context) error) (bool, error) {
	return j.model.Alone(ctx, "erasing "+u.String(), f)
}

// archives are exports of the store and the read model.
type archives struct {
	store store.Store
	model *readmodel.Model
}

// Export implements admin.Exports.
func (a archives) Export(ctx context.Context, u store.User, w io.Writer) error {
	_, err := export.Write(ctx, w, u, a.store, a.model)
	return err
}
