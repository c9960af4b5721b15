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
	attrTenant  = "tenant"
	attrUser    = "user"
	attrDevice  = "device"
	attrTokenID = "jti"
	attrAt      = "at"
)

// revocationClock is how far another pod's clock may be ahead of this one's.
const revocationClock = time.Hour

// revocationPK is the partition of a day: whoever looks every few seconds reads the end of one.
func revocationPK(at time.Time) string { return "R#" + at.UTC().Format("20060102") }

// Revoke implements store.Revocations.
func (s *Store) Revoke(ctx context.Context, r store.Revocation) error {
	if err := store.CheckRevocation(r); err != nil {
		return err
	}
	it := keyOf(revocationPK(r.At), store.RevocationKey(r))
	it[attrTenant], it[attrUser] = str(string(r.User.Tenant())), str(r.User.ID())
	it[attrAt], it[attrExpiresAt] = millisOf(r.At), num(uint64(max(r.Until.Unix(), 0)))
	if r.Device != "" {
		it[attrDevice] = str(r.Device)
	}
	if r.TokenID != "" {
		it[attrTokenID] = str(r.TokenID)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table(RevocationsTable), Item: it})
	return wrap("PutItem", err)
}

// Revocations implements store.Revocations.
func (s *Store) Revocations(ctx context.Context, since time.Time) ([]store.Revocation, error) {
	var found []store.Revocation
	now := time.Now()
	end := now.Add(revocationClock)
	for day := since.UTC().Truncate(24 * time.Hour); !day.After(end); day = day.Add(24 * time.Hour) {
		in := s.all(RevocationsTable, revocationPK(day))
		in.KeyConditionExpression = aws.String(attrPK + " = :pk AND " + attrSK + " >= :from")
		in.ExpressionAttributeValues[":from"] = str(store.RevocationsFrom(since))
		err := s.query(ctx, in, func(it item) (bool, error) {
			r, err := parseRevocation(it)
			if err == nil && r.Until.After(now) {
				found = append(found, r)
			}
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func parseRevocation(it item) (store.Revocation, error) {
	u, err := store.NewUser(store.Tenant(text(it, attrTenant)), text(it, attrUser))
	if err != nil {
		return store.Revocation{}, fmt.Errorf("%w: revocation: %w", errBroken, err)
	}
	r := store.Revocation{User: u, Device: text(it, attrDevice), TokenID: text(it, attrTokenID)}
	if r.At, err = millis(it, attrAt); err != nil {
		return store.Revocation{}, err
	}
	until, err := number(it, attrExpiresAt)
	r.Until = time.Unix(int64(until), 0).UTC()
	return r, err
}
