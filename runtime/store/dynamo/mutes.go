package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	attrSaid   = "said"
	attrBy     = "by"
	attrLifted = "lifted"
)

// mutePK is the partition of a day, beside the revocations' of that day: both are read every few seconds, by few keys.
func mutePK(at time.Time) string { return "M#" + at.UTC().Format("20060102") }

// Mute implements store.Mutes.
func (s *Store) Mute(ctx context.Context, m store.Mute) error {
	if err := store.CheckMute(m); err != nil {
		return err
	}
	it := keyOf(mutePK(m.At), store.MuteKey(m))
	it[attrTenant], it[attrUser], it[attrBy] = str(string(m.User.Tenant())), str(m.User.ID()), str(m.By)
	it[attrAt], it[attrSaid], it[attrExpiresAt] = millisOf(m.At), millisOf(m.Said), num(uint64(max(m.Forgotten().Unix(), 0)))
	if m.Lifted {
		it[attrLifted] = num(1)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table(RevocationsTable), Item: it})
	return wrap("PutItem", err)
}

// Mutes implements store.Mutes.
func (s *Store) Mutes(ctx context.Context, since time.Time) ([]store.Mute, error) {
	var found []store.Mute
	now := time.Now()
	end := now.Add(revocationClock)
	for day := since.UTC().Truncate(24 * time.Hour); !day.After(end); day = day.Add(24 * time.Hour) {
		in := s.all(RevocationsTable, mutePK(day))
		in.KeyConditionExpression = aws.String(attrPK + " = :pk AND " + attrSK + " >= :from")
		in.ExpressionAttributeValues[":from"] = str(store.RevocationsFrom(since))
		err := s.query(ctx, in, func(it item) (bool, error) {
			m, err := parseMute(it)
			if err == nil && m.Forgotten().After(now) {
				found = append(found, m)
			}
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func parseMute(it item) (store.Mute, error) {
	u, err := store.NewUser(store.Tenant(text(it, attrTenant)), text(it, attrUser))
	if err != nil {
		return store.Mute{}, fmt.Errorf("%w: mute: %w", errBroken, err)
	}
	_, lifted := it[attrLifted]
	m := store.Mute{User: u, By: text(it, attrBy), Lifted: lifted}
	if m.At, err = millis(it, attrAt); err != nil {
		return store.Mute{}, err
	}
	if m.Said, err = millis(it, attrSaid); err != nil || lifted {
		return m, err
	}
	until, err := number(it, attrExpiresAt)
	m.Until = time.Unix(int64(until), 0).UTC()
	return m, err
}
