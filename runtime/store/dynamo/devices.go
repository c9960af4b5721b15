package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// PutDevice implements store.Devices. It and RegisterDevice are the updates that create their item.
func (s *Store) PutDevice(ctx context.Context, u store.User, d store.Device) (store.Device, error) {
	if err := store.CheckDevice(d.ID); err != nil {
		return store.Device{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(d.ID)),
		UpdateExpression: aws.String("SET #platform = :platform, #push_channel = :channel, #push_token = :token, " +
			"#registered = if_not_exists(#registered, :registered)"),
		ExpressionAttributeNames: placeholders(attrPlatform, attrChannel, attrToken, attrRegistered),
		ExpressionAttributeValues: item{
			":platform": str(d.Platform), ":channel": str(d.PushChannel), ":token": str(d.PushToken), ":registered": millisOf(d.RegisteredAt),
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	if err != nil {
		return store.Device{}, wrap("UpdateItem", err)
	}
	return parseDevice(out.Attributes)
}

// RegisterDevice implements store.Devices.
func (s *Store) RegisterDevice(ctx context.Context, u store.User, d store.Device) error {
	if err := store.CheckDevice(d.ID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(d.ID)),
		UpdateExpression: aws.String("SET #platform = if_not_exists(#platform, :platform), " +
			"#registered = if_not_exists(#registered, :registered)"),
		ExpressionAttributeNames:  placeholders(attrPlatform, attrRegistered),
		ExpressionAttributeValues: item{":platform": str(d.Platform), ":registered": millisOf(d.RegisteredAt)},
	})
	return wrap("UpdateItem", err)
}

// Devices implements store.Devices.
func (s *Store) Devices(ctx context.Context, u store.User) ([]store.Device, error) {
	var found []store.Device
	err := s.query(ctx, s.all(DevicesTable, userPK(u)), func(it item) (bool, error) {
		d, err := parseDevice(it)
		found = append(found, d)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b store.Device) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// RemovePushToken implements store.Devices.
func (s *Store) RemovePushToken(ctx context.Context, u store.User, device, token string) error {
	if err := store.CheckDevice(device); err != nil {
		return err
	}
	if token == "" {
		return ctx.Err()
	}
	err := s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(device)),
		UpdateExpression:          aws.String("REMOVE #push_token, #push_channel"),
		ExpressionAttributeNames:  placeholders(attrToken, attrChannel),
		ExpressionAttributeValues: item{":token": str(token)},
	}, "#push_token = :token")
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func parseDevice(it item) (store.Device, error) {
	id, err := store.Unescape(text(it, attrSK))
	if err != nil {
		return store.Device{}, fmt.Errorf("%w: device: %w", errBroken, err)
	}
	d := store.Device{ID: id, Platform: text(it, attrPlatform), PushChannel: text(it, attrChannel), PushToken: text(it, attrToken)}
	d.RegisteredAt, err = millis(it, attrRegistered)
	return d, err
}
