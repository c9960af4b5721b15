package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Deferred pushes live in the devices table, in partitions of their own: ordered by due time, so that what is due is a query
// and needs no index.
const (
	attrConv     = "conversation"
	attrDue      = "due"
	attrSeq      = "seq"
	attrReserved = "reserved"
	attrAttempts = "attempts"
)

func deferralPK(shard int) string { return "Q#" + strconv.Itoa(shard) }

func dueSK(ms int64) string { return fmt.Sprintf("%015d", ms) }

// deferralKey names the deferral: a hash stands for its ids, which together may be longer than a sort key.
func deferralKey(d store.Deferral) item {
	h := sha256.New()
	for _, part := range []string{string(d.User.Tenant()), d.User.ID(), d.Device, d.Conv.ID()} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
	}
	return keyOf(deferralPK(store.DeferralShard(d.User)), dueSK(d.Due.UnixMilli())+"#"+base64.RawURLEncoding.EncodeToString(h.Sum(nil)))
}

// Defer implements store.Deferrals.
func (s *Store) Defer(ctx context.Context, d store.Deferral) error {
	if err := d.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: deferralKey(d),
		UpdateExpression: aws.String("SET #seq = :seq, #tenant = :tenant, #user = :user, #device = :device, #conversation = :conv, #due = :due, " +
			"#reserved = if_not_exists(#reserved, :reserved), #attempts = if_not_exists(#attempts, :attempts)"),
		ConditionExpression: aws.String("attribute_not_exists(#seq) OR #seq < :seq"),
		ExpressionAttributeNames: placeholders(attrSeq, attrTenant, attrUser, attrDevice, attrConv, attrDue, attrReserved,
			attrAttempts),
		ExpressionAttributeValues: item{
			":seq": num(d.Seq), ":tenant": str(string(d.User.Tenant())), ":user": str(d.User.ID()), ":device": str(d.Device), ":conv": str(d.Conv.ID()),
			":due": millisOf(d.Due), ":reserved": &types.AttributeValueMemberBOOL{Value: d.Reserved}, ":attempts": num(uint64(max(d.Attempts, 0))),
		},
	})
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		return nil
	}
	return wrap("UpdateItem", err)
}

// Deferred implements store.Deferrals.
func (s *Store) Deferred(ctx context.Context, shard int, by time.Time, limit int) ([]store.Deferral, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	in := s.all(DevicesTable, deferralPK(shard))
	// Sort keys go on after the time, so those of the last millisecond are below the next one.
	in.KeyConditionExpression = aws.String(attrPK + " = :pk AND " + attrSK + " < :after")
	in.ExpressionAttributeValues[":after"] = str(dueSK(max(by.UnixMilli(), 0) + 1))
	in.Limit = aws.Int32(int32(min(limit, 1000)))
	var found []store.Deferral
	err := s.query(ctx, in, func(it item) (bool, error) {
		d, err := parseDeferral(it)
		found = append(found, d)
		return len(found) < limit, err
	})
	return found, err
}

// RemoveDeferral implements store.Deferrals.
func (s *Store) RemoveDeferral(ctx context.Context, d store.Deferral) error {
	if err := d.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: s.table(DevicesTable), Key: deferralKey(d),
		ConditionExpression:       aws.String("#seq <= :seq"),
		ExpressionAttributeNames:  placeholders(attrSeq),
		ExpressionAttributeValues: item{":seq": num(d.Seq)},
	})
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		return nil
	}
	return wrap("DeleteItem", err)
}

func parseDeferral(it item) (store.Deferral, error) {
	u, err := store.NewUser(store.Tenant(text(it, attrTenant)), text(it, attrUser))
	if err != nil {
		return store.Deferral{}, fmt.Errorf("%w: deferral: %w", errBroken, err)
	}
	c, err := store.NewConv(u.Tenant(), text(it, attrConv))
	if err != nil {
		return store.Deferral{}, fmt.Errorf("%w: deferral: %w", errBroken, err)
	}
	d := store.Deferral{User: u, Conv: c, Device: text(it, attrDevice)}
	if d.Due, err = millis(it, attrDue); err != nil {
		return store.Deferral{}, err
	}
	var attempts uint64
	if err := numbers(it, map[string]*uint64{attrSeq: &d.Seq, attrAttempts: &attempts}); err != nil {
		return store.Deferral{}, err
	}
	reserved, _ := it[attrReserved].(*types.AttributeValueMemberBOOL)
	d.Reserved, d.Attempts = reserved != nil && reserved.Value, int(attempts)
	return d, nil
}
