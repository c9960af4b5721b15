package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// SetPreferences implements store.Memberships. What is not wanted has no attribute.
func (s *Store) SetPreferences(ctx context.Context, u store.User, c store.Conv, ch store.PreferencesChange) (store.Preferences, error) {
	if err := sameTenant(ctx, u, c); err != nil {
		return store.Preferences{}, err
	}
	expression, names, values := preferencesUpdate(ch)
	if expression == "" {
		m, err := s.Membership(ctx, u, c)
		return m.Preferences, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	in := &dynamodb.UpdateItemInput{
		TableName: s.table(MembershipsTable), Key: membershipKey(u, c),
		UpdateExpression: aws.String(expression), ConditionExpression: aws.String(notCreating),
		ExpressionAttributeNames: placeholders(names...), ReturnValues: types.ReturnValueAllNew,
	}
	if len(values) > 0 {
		in.ExpressionAttributeValues = values
	}
	out, err := s.api.UpdateItem(ctx, in)
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		return store.Preferences{}, store.ErrNotFound
	}
	if err != nil {
		return store.Preferences{}, wrap("UpdateItem", err)
	}
	return parsePreferences(out.Attributes)
}

// preferencesUpdate returns an empty expression for a change of nothing.
func preferencesUpdate(ch store.PreferencesChange) (expression string, names []string, values item) {
	var set, remove []string
	values = item{}
	change := func(name string, value types.AttributeValue) {
		names = append(names, name)
		if value == nil {
			remove = append(remove, "#"+name)
			return
		}
		set = append(set, "#"+name+" = :"+name)
		values[":"+name] = value
	}
	if t := ch.MutedUntil; t != nil {
		var v types.AttributeValue
		if !t.IsZero() {
			v = millisOf(*t)
		}
		change(attrMuted, v)
	}
	for name, on := range map[string]*bool{attrArchived: ch.Archived, attrPinned: ch.Pinned} {
		switch {
		case on == nil:
		case *on:
			change(name, &types.AttributeValueMemberBOOL{Value: true})
		default:
			change(name, nil)
		}
	}
	var parts []string
	if len(set) > 0 {
		parts = append(parts, "SET "+strings.Join(set, ", "))
	}
	if len(remove) > 0 {
		parts = append(parts, "REMOVE "+strings.Join(remove, ", "))
	}
	return strings.Join(parts, " "), names, values
}

func parsePreferences(it item) (store.Preferences, error) {
	p := store.Preferences{Archived: flag(it, attrArchived), Pinned: flag(it, attrPinned)}
	if _, ok := it[attrMuted]; !ok {
		return p, nil
	}
	muted, err := millis(it, attrMuted)
	if err != nil {
		return p, fmt.Errorf("preferences: %w", err)
	}
	p.MutedUntil = muted
	return p, nil
}

// flag returns a boolean attribute, false when it is not there.
func flag(it item, name string) bool {
	v, ok := it[name].(*types.AttributeValueMemberBOOL)
	return ok && v.Value
}
