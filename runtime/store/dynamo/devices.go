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
	if err := errors.Join(store.CheckDevice(d.ID), store.CheckLocale(d.Locale), d.Preferences.Check()); err != nil {
		return store.Device{}, err
	}
	p := d.Preferences
	names := []string{
		attrPlatform, attrChannel, attrToken, attrRegistered, attrPrivate, attrQuietFrom, attrQuietTo, attrQuietZone, attrStrikes,
	}
	values := item{
		":platform": str(d.Platform), ":channel": str(d.PushChannel), ":token": str(d.PushToken), ":registered": millisOf(d.RegisteredAt),
		":private": &types.AttributeValueMemberBOOL{Value: p.Private},
		":from":    num(uint64(p.QuietFrom)), ":to": num(uint64(p.QuietTo)), ":zone": str(p.QuietZone),
	}
	locale, names := setLocale(d.Locale, names, values)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(d.ID)),
		UpdateExpression: aws.String("SET #platform = :platform, #push_channel = :channel, #push_token = :token, " +
			"#registered = if_not_exists(#registered, :registered), #private = :private, #quiet_from = :from, #quiet_to = :to, " +
			"#quiet_zone = :zone" + locale + " REMOVE #strikes"),
		ExpressionAttributeNames:  placeholders(names...),
		ExpressionAttributeValues: values,
		ReturnValues:              types.ReturnValueAllNew,
	})
	if err != nil {
		return store.Device{}, wrap("UpdateItem", err)
	}
	return parseDevice(out.Attributes)
}

// RegisterDevice implements store.Devices.
func (s *Store) RegisterDevice(ctx context.Context, u store.User, d store.Device) error {
	if err := errors.Join(store.CheckDevice(d.ID), store.CheckLocale(d.Locale)); err != nil {
		return err
	}
	values := item{":platform": str(d.Platform), ":registered": millisOf(d.RegisteredAt)}
	locale, names := setLocale(d.Locale, []string{attrPlatform, attrRegistered}, values)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(d.ID)),
		UpdateExpression: aws.String("SET #platform = if_not_exists(#platform, :platform), " +
			"#registered = if_not_exists(#registered, :registered)" + locale),
		ExpressionAttributeNames:  placeholders(names...),
		ExpressionAttributeValues: values,
	})
	return wrap("UpdateItem", err)
}

// setLocale returns what sets the locale, with the names that it takes: nothing where there is none.
func setLocale(tag string, names []string, values item) (assignment string, all []string) {
	if tag == "" {
		return "", names
	}
	values[":locale"] = str(tag)
	return ", #" + attrLocale + " = :locale", append(names, attrLocale)
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
	return s.updateToken(ctx, u, device, token, "REMOVE #push_token, #push_channel, #strikes", attrToken, attrChannel, attrStrikes)
}

// ClearStrikes implements store.Devices.
func (s *Store) ClearStrikes(ctx context.Context, u store.User, device, token string) error {
	if err := store.CheckDevice(device); err != nil {
		return err
	}
	return s.updateToken(ctx, u, device, token, "REMOVE #strikes", attrToken, attrStrikes)
}

// updateToken updates the device while the token is the stored one.
func (s *Store) updateToken(ctx context.Context, u store.User, device, token, expression string, attrs ...string) error {
	if token == "" {
		return ctx.Err()
	}
	err := s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(device)),
		UpdateExpression:          aws.String(expression),
		ExpressionAttributeNames:  placeholders(attrs...),
		ExpressionAttributeValues: item{":token": str(token)},
	}, tokenIsStored)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

const tokenIsStored = "#" + attrToken + " = :token"

// StrikeToken implements store.Devices.
func (s *Store) StrikeToken(ctx context.Context, u store.User, device, token string) (int, error) {
	if err := store.CheckDevice(device); err != nil {
		return 0, err
	}
	if token == "" {
		return 0, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(device)),
		UpdateExpression:          aws.String("ADD #strikes :one"),
		ConditionExpression:       aws.String(tokenIsStored),
		ExpressionAttributeNames:  placeholders(attrToken, attrStrikes),
		ExpressionAttributeValues: item{":token": str(token), ":one": num(1)},
		ReturnValues:              types.ReturnValueUpdatedNew,
	})
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		return 0, nil
	}
	if err != nil {
		return 0, wrap("UpdateItem", err)
	}
	n, err := number(out.Attributes, attrStrikes)
	return int(n), err
}

// RemoveDevice implements store.Devices.
func (s *Store) RemoveDevice(ctx context.Context, u store.User, device string) error {
	if err := store.CheckDevice(device); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: s.table(DevicesTable), Key: keyOf(userPK(u), store.Escape(device)),
	})
	return wrap("DeleteItem", err)
}

func parseDevice(it item) (store.Device, error) {
	id, err := store.Unescape(text(it, attrSK))
	if err != nil {
		return store.Device{}, fmt.Errorf("%w: device: %w", errBroken, err)
	}
	d := store.Device{ID: id, Platform: text(it, attrPlatform), PushChannel: text(it, attrChannel), PushToken: text(it, attrToken), Locale: text(it, attrLocale)}
	if d.RegisteredAt, err = millis(it, attrRegistered); err != nil {
		return store.Device{}, err
	}
	var from, to, strikes uint64
	if err := numbers(it, map[string]*uint64{attrQuietFrom: &from, attrQuietTo: &to, attrStrikes: &strikes}); err != nil {
		return store.Device{}, err
	}
	private, _ := it[attrPrivate].(*types.AttributeValueMemberBOOL)
	d.Preferences = store.DevicePreferences{
		Private: private != nil && private.Value, QuietFrom: int(from), QuietTo: int(to), QuietZone: text(it, attrQuietZone),
	}
	d.Strikes = int(strikes)
	return d, nil
}
