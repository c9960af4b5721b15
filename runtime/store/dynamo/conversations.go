package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Create implements store.Conversations.
func (s *Store) Create(ctx context.Context, c store.Conversation, members []store.Member, first *logpb.Batch, o store.AppendOptions) error {
	if err := errors.Join(store.CheckMembers(c.Conv, members), store.CheckFirst(first)); err != nil {
		return err
	}
	entry, err := batchItem(c.Conv, first, o)
	if err != nil {
		return err
	}
	meta := keyOf(convPK(c.Conv), metaSK)
	meta[attrKind], meta[attrTitle], meta[attrCreated] = str(c.Kind), str(c.Title), millisOf(c.CreatedAt)
	meta[attrTail], meta[attrTailCount] = num(c.Tail), num(c.TailCount)
	items := []types.TransactWriteItem{
		s.put(ConversationsTable, meta, aws.String(notTaken)),
		s.put(LogTable, entry, aws.String(notTaken)),
	}
	for _, m := range members {
		items = append(items, s.changeItems(c.Conv, m, nil)...)
	}
	return s.transact(ctx, items, map[int]error{0: store.ErrExists, 1: store.ErrTaken})
}

// ChangeMembers implements store.Conversations. What it reads beforehand cannot change under it: whoever changes members
// takes the log's next key, so this transaction would fail on it.
func (s *Store) ChangeMembers(ctx context.Context, c store.Conv, b *logpb.Batch, changes []store.MemberChange, o store.AppendOptions) error {
	if err := errors.Join(store.CheckMembers(c, changes), store.CheckBatch(b)); err != nil {
		return err
	}
	entry, err := batchItem(c, b, o)
	if err != nil {
		return err
	}
	earlier, err := s.earlierStays(ctx, c, changes)
	if err != nil {
		return err
	}
	items := []types.TransactWriteItem{s.put(LogTable, entry, aws.String(notTaken))}
	onFailed := map[int]error{0: store.ErrTaken}
	if title, ok := store.NewTitle(b); ok {
		onFailed[len(items)] = store.ErrNotFound
		items = append(items, s.setStored(ConversationsTable, keyOf(convPK(c), metaSK),
			"SET #title = :title", []string{attrTitle}, item{":title": str(title)}))
	}
	for _, ch := range changes {
		if ch.Stays() {
			onFailed[len(items)] = store.ErrNotFound
		}
		items = append(items, s.changeItems(c, ch, earlier[ch.User])...)
	}
	return s.transact(ctx, items, onFailed)
}

// changeItems returns the writes of one member's change: the member and, unless it is only the role, the membership. Marks are
// never touched.
func (s *Store) changeItems(c store.Conv, ch store.MemberChange, earlier []store.Interval) []types.TransactWriteItem {
	member, membership := memberKey(c, ch.User), membershipKey(ch.User, c)
	if ch.Stays() {
		return []types.TransactWriteItem{
			s.setStored(ConversationsTable, member, "SET #role = :role", []string{attrRole}, item{":role": str(ch.Role)}),
		}
	}
	if ch.Left != 0 {
		const keep = "#joined = if_not_exists(#joined, :joined)"
		return []types.TransactWriteItem{
			s.set(ConversationsTable, member, "SET #left = :left, "+keep+", #role = if_not_exists(#role, :role)",
				[]string{attrLeft, attrJoined, attrRole}, item{":left": num(ch.Left), ":joined": num(ch.Joined), ":role": str(ch.Role)}),
			s.set(MembershipsTable, membership, "SET #left = :left, "+keep+", #delivered = if_not_exists(#delivered, :none)",
				[]string{attrLeft, attrJoined, attrDelivered}, item{":left": num(ch.Left), ":joined": num(ch.Joined), ":none": emptyMap()}),
		}
	}
	names := []string{attrJoined, attrLeft, attrDelivered}
	values := item{":joined": num(ch.Joined), ":none": emptyMap()}
	stay := ""
	if len(earlier) > 0 {
		stay = ", #earlier = :earlier"
		names, values[":earlier"] = append(names, attrEarlier), intervalsOf(earlier)
	}
	member[attrRole], member[attrJoined] = str(ch.Role), num(ch.Joined)
	return []types.TransactWriteItem{
		s.put(ConversationsTable, member, nil),
		s.set(MembershipsTable, membership,
			"SET #joined = :joined, #delivered = if_not_exists(#delivered, :none)"+stay+" REMOVE #left", names, values),
	}
}

// earlierStays returns, of those who come and have been members before, their stays until now.
func (s *Store) earlierStays(ctx context.Context, c store.Conv, changes []store.MemberChange) (map[store.User][]store.Interval, error) {
	byKey := make(map[string]store.MemberChange)
	var keys []item
	for _, ch := range changes {
		if ch.Left == 0 && !ch.Stays() {
			byKey[userPK(ch.User)] = ch
			keys = append(keys, membershipKey(ch.User, c))
		}
	}
	found, err := s.batchGet(ctx, MembershipsTable, keys)
	if err != nil {
		return nil, err
	}
	stays := make(map[store.User][]store.Interval)
	for _, it := range found {
		ch := byKey[text(it, attrPK)]
		m, err := parseMembership(c, it)
		if err != nil {
			return nil, err
		}
		m.Apply(ch)
		stays[ch.User] = m.Earlier
	}
	return stays, nil
}

// batchGet returns those of at most 100 items that are there, strongly consistent, in no order.
func (s *Store) batchGet(ctx context.Context, table string, keys []item) ([]item, error) {
	name := *s.table(table)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var found []item
	for try := 0; len(keys) > 0; try++ {
		if try == conflictTries {
			return nil, fmt.Errorf("dynamodb BatchGetItem: %d keys stay unprocessed", len(keys))
		}
		if err := backoff(ctx, try); err != nil {
			return nil, wrap("BatchGetItem", err)
		}
		out, err := s.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{name: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return nil, wrap("BatchGetItem", err)
		}
		found = append(found, out.Responses[name]...)
		keys = out.UnprocessedKeys[name].Keys
	}
	return found, nil
}

// Conversation implements store.Conversations.
func (s *Store) Conversation(ctx context.Context, c store.Conv) (store.Conversation, error) {
	it, err := s.get(ctx, ConversationsTable, convPK(c), metaSK)
	if err != nil {
		return store.Conversation{}, err
	}
	conv := store.Conversation{Conv: c, Kind: text(it, attrKind), Title: text(it, attrTitle)}
	if err := numbers(it, map[string]*uint64{attrTail: &conv.Tail, attrTailCount: &conv.TailCount, attrFloor: &conv.Floor}); err != nil {
		return store.Conversation{}, err
	}
	if conv.CreatedAt, err = millis(it, attrCreated); err != nil {
		return store.Conversation{}, err
	}
	return conv, nil
}

// Members implements store.Conversations.
func (s *Store) Members(ctx context.Context, c store.Conv) ([]store.Member, error) {
	var members []store.Member
	err := s.query(ctx, s.allMembers(c), func(it item) (bool, error) {
		m, err := parseMember(c, it)
		members = append(members, m)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	// Escaping changes the order of ids a little.
	slices.SortFunc(members, func(a, b store.Member) int { return cmp.Compare(a.User.ID(), b.User.ID()) })
	return members, nil
}

// MembersPage implements store.Conversations.
func (s *Store) MembersPage(ctx context.Context, c store.Conv, after string, limit int) ([]store.Member, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	in := s.allMembers(c)
	in.Limit = aws.Int32(int32(min(limit, maxMembersPage)))
	if after != "" {
		in.ExclusiveStartKey = keyOf(convPK(c), memberSK+store.Escape(after))
	}
	var members []store.Member
	err := s.query(ctx, in, func(it item) (bool, error) {
		m, err := parseMember(c, it)
		members = append(members, m)
		return len(members) < limit, err
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

// maxMembersPage is more than a response of 1 MB holds of most members.
const maxMembersPage = 10_000

func (s *Store) allMembers(c store.Conv) *dynamodb.QueryInput {
	in := s.all(ConversationsTable, convPK(c))
	in.KeyConditionExpression = aws.String(*in.KeyConditionExpression + " AND begins_with(" + attrSK + ", :member)")
	in.ExpressionAttributeValues[":member"] = str(memberSK)
	return in
}

func parseMember(c store.Conv, it item) (store.Member, error) {
	m := store.Member{Role: text(it, attrRole)}
	id, err := store.Unescape(strings.TrimPrefix(text(it, attrSK), memberSK))
	if err != nil {
		return m, fmt.Errorf("%w: member: %w", errBroken, err)
	}
	if m.User, err = store.NewUser(c.Tenant(), id); err != nil {
		return m, fmt.Errorf("%w: member: %w", errBroken, err)
	}
	return m, numbers(it, map[string]*uint64{attrJoined: &m.Joined, attrLeft: &m.Left})
}

// RaiseTail implements store.Conversations.
func (s *Store) RaiseTail(ctx context.Context, c store.Conv, tail, count uint64) error {
	return s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(ConversationsTable), Key: keyOf(convPK(c), metaSK),
		UpdateExpression:          aws.String("SET #tail = :tail, #tail_count = :count"),
		ExpressionAttributeNames:  placeholders(attrTail, attrTailCount),
		ExpressionAttributeValues: item{":tail": num(tail), ":count": num(count)},
	}, "#tail < :tail")
}

// RaiseFloor implements store.Conversations.
func (s *Store) RaiseFloor(ctx context.Context, c store.Conv, floor uint64) error {
	return s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(ConversationsTable), Key: keyOf(convPK(c), metaSK),
		UpdateExpression:          aws.String("SET #floor = :floor"),
		ExpressionAttributeNames:  placeholders(attrFloor),
		ExpressionAttributeValues: item{":floor": num(floor)},
	}, "attribute_not_exists(#floor) OR #floor < :floor")
}

func memberKey(c store.Conv, u store.User) item {
	return keyOf(convPK(c), memberSK+store.Escape(u.ID()))
}
