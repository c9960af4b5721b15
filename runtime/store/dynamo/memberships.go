package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/store"
)

func membershipKey(u store.User, c store.Conv) item {
	return keyOf(userPK(u), store.Escape(c.ID()))
}

func emptyMap() types.AttributeValue { return &types.AttributeValueMemberM{Value: item{}} }

// Memberships implements store.Memberships.
func (s *Store) Memberships(ctx context.Context, u store.User) ([]store.Membership, error) {
	var found []store.Membership
	err := s.query(ctx, s.all(MembershipsTable, userPK(u)), func(it item) (bool, error) {
		id, err := store.Unescape(text(it, attrSK))
		if err != nil {
			return false, fmt.Errorf("%w: membership: %w", errBroken, err)
		}
		c, err := store.NewConv(u.Tenant(), id)
		if err != nil {
			return false, fmt.Errorf("%w: membership: %w", errBroken, err)
		}
		m, err := parseMembership(c, it)
		found = append(found, m)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b store.Membership) int { return cmp.Compare(a.Conv.ID(), b.Conv.ID()) })
	return found, nil
}

// Membership implements store.Memberships.
func (s *Store) Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error) {
	if err := sameTenant(ctx, u, c); err != nil {
		return store.Membership{}, err
	}
	it, err := s.get(ctx, MembershipsTable, userPK(u), store.Escape(c.ID()))
	if err != nil {
		return store.Membership{}, err
	}
	return parseMembership(c, it)
}

// RaiseDelivered implements store.Memberships.
func (s *Store) RaiseDelivered(ctx context.Context, u store.User, c store.Conv, device string, seq uint64) error {
	if err := store.CheckDevice(device); err != nil {
		return err
	}
	names := placeholders(attrDelivered)
	names["#device"] = device
	return s.raise(ctx, u, c, "#"+attrDelivered+".#device", names, seq)
}

// RaiseRead implements store.Memberships.
func (s *Store) RaiseRead(ctx context.Context, u store.User, c store.Conv, seq uint64) error {
	return s.raise(ctx, u, c, "#"+attrRead, placeholders(attrRead), seq)
}

// RaisePushed implements store.Memberships.
func (s *Store) RaisePushed(ctx context.Context, u store.User, c store.Conv, seq uint64) error {
	return s.raise(ctx, u, c, "#"+attrPushed, placeholders(attrPushed), seq)
}

// raise sets the number at path unless it is there and as high.
func (s *Store) raise(ctx context.Context, u store.User, c store.Conv, path string, names map[string]string, seq uint64) error {
	if err := sameTenant(ctx, u, c); err != nil {
		return err
	}
	return s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(MembershipsTable), Key: membershipKey(u, c),
		UpdateExpression:          aws.String("SET " + path + " = :seq"),
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: item{":seq": num(seq)},
	}, "attribute_not_exists("+path+") OR "+path+" < :seq")
}

// sameTenant returns store.ErrNotFound for a user with another tenant's conversation: the key has one tenant only.
func sameTenant(ctx context.Context, u store.User, c store.Conv) error {
	if u.Tenant() != c.Tenant() {
		return cmp.Or(ctx.Err(), store.ErrNotFound)
	}
	return nil
}

func parseMembership(c store.Conv, it item) (store.Membership, error) {
	m := store.Membership{Conv: c, Delivered: map[string]uint64{}}
	err := numbers(it, map[string]*uint64{attrJoined: &m.Joined, attrLeft: &m.Left, attrRead: &m.Read, attrPushed: &m.Pushed})
	if err != nil {
		return store.Membership{}, err
	}
	if v, ok := it[attrDelivered].(*types.AttributeValueMemberM); ok {
		for device := range v.Value {
			if m.Delivered[device], err = number(v.Value, device); err != nil {
				return store.Membership{}, err
			}
		}
	}
	if m.Preferences, err = parsePreferences(it); err != nil {
		return store.Membership{}, err
	}
	m.Earlier, err = parseIntervals(it)
	return m, err
}

// intervalsOf returns a flat list of numbers: joined, left, joined, left, …
func intervalsOf(stays []store.Interval) types.AttributeValue {
	l := make([]types.AttributeValue, 0, 2*len(stays))
	for _, i := range stays {
		l = append(l, num(i.Joined), num(i.Left))
	}
	return &types.AttributeValueMemberL{Value: l}
}

func parseIntervals(it item) ([]store.Interval, error) {
	l, ok := it[attrEarlier].(*types.AttributeValueMemberL)
	if !ok {
		return nil, nil
	}
	var stays []store.Interval
	for pair := range slices.Chunk(l.Value, 2) {
		if len(pair) != 2 {
			return nil, fmt.Errorf("%w: an odd number of seqs in %s", errBroken, attrEarlier)
		}
		var i store.Interval
		if err := numbers(item{attrJoined: pair[0], attrLeft: pair[1]}, map[string]*uint64{attrJoined: &i.Joined, attrLeft: &i.Left}); err != nil {
			return nil, err
		}
		stays = append(stays, i)
	}
	return stays, nil
}
