package inbox

import (
	"context"
	"encoding/json"

	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// placeForm is the form in which places are cached: a list in another one, of another release, is not taken.
const placeForm = 2

// place is a user's place in a conversation with what the user wants of it. It marshals to JSON for the cache.
type place struct {
	readmodel.Place
	Form         int   `json:"v"`
	MutedUntilMS int64 `json:"m,omitempty"`
	Archived     bool  `json:"a,omitempty"`
	Pinned       bool  `json:"i,omitempty"`
}

// places returns the user's, from the cache or else from the model and the store. The list's version is taken first: a change to either
// drops the list after it, and what was read before is then not put.
func (q *query) places(ctx context.Context) ([]place, error) {
	list, ok, err := q.r.cache.List(ctx, q.user)
	q.notice(err)
	if ok && err == nil {
		if places, ok := decodePlaces(list); ok {
			q.r.metrics.lists.WithLabelValues(sourceCache).Inc()
			return places, nil
		}
	}
	var version string
	if !q.noCache {
		version, err = q.r.cache.ListVersion(ctx, q.user)
		q.notice(err)
	}
	places, err := q.read(ctx)
	if err != nil {
		return nil, err
	}
	q.r.metrics.lists.WithLabelValues(sourceModel).Inc()
	if !q.noCache {
		q.notice(q.r.cache.PutList(ctx, q.user, encodePlaces(places), version))
	}
	return places, nil
}

// read joins the model's places with the store's preferences.
func (q *query) read(ctx context.Context) ([]place, error) {
	found, err := q.r.model.Places(ctx, q.user)
	if err != nil {
		return nil, err
	}
	wanted := map[string]store.Preferences{}
	if q.r.memberships != nil {
		memberships, err := q.r.memberships.Memberships(ctx, q.user)
		if err != nil {
			return nil, err
		}
		for _, m := range memberships {
			wanted[m.Conv.ID()] = m.Preferences
		}
	}
	places := make([]place, len(found))
	for i, f := range found {
		p := wanted[f.Conversation]
		places[i] = place{Place: f, Form: placeForm, Archived: p.Archived, Pinned: p.Pinned}
		if !p.MutedUntil.IsZero() {
			places[i].MutedUntilMS = p.MutedUntil.UnixMilli()
		}
	}
	return places, nil
}

func encodePlaces(places []place) []string {
	list := make([]string, 0, len(places))
	for _, p := range places {
		data, err := json.Marshal(p)
		if err != nil {
			continue // strings and numbers always marshal
		}
		list = append(list, string(data))
	}
	return list
}

// decodePlaces says not ok for a list that another release wrote in another form.
func decodePlaces(list []string) ([]place, bool) {
	places := make([]place, len(list))
	for i, s := range list {
		if json.Unmarshal([]byte(s), &places[i]) != nil || places[i].Conversation == "" || places[i].Form != placeForm {
			return nil, false
		}
	}
	return places, true
}
