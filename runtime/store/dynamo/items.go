package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Names of the attributes besides the shared ones of tables.go. Several are reserved words of expressions: there they are
// always written as #name.
const (
	attrBatch = "b"

	attrKind      = "kind"
	attrTitle     = "title"
	attrTail      = "tail"
	attrTailCount = "tail_count"
	attrFloor     = "floor"
	attrCreated   = "created"

	attrRole      = "role"
	attrJoined    = "joined"
	attrLeft      = "left"
	attrEarlier   = "earlier"
	attrDelivered = "delivered"
	attrRead      = "read"
	attrPushed    = "pushed"
	attrMuted     = "muted_until"
	attrArchived  = "archived"
	attrPinned    = "pinned"

	attrPlatform   = "platform"
	attrChannel    = "push_channel"
	attrToken      = "push_token"
	attrRegistered = "registered"
	attrLocale     = "locale"
	attrPrivate    = "private"
	attrQuietFrom  = "quiet_from"
	attrQuietTo    = "quiet_to"
	attrQuietZone  = "quiet_zone"
	attrStrikes    = "strikes"
)

// metaSK is the conversation's own item; memberSK starts a member's.
const (
	metaSK   = "META"
	memberSK = "M#"
)

type item = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n uint64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatUint(n, 10)}
}

func keyOf(pk, sk string) item { return item{attrPK: str(pk), attrSK: str(sk)} }

func convPK(c store.Conv) string {
	return "T#" + store.Escape(string(c.Tenant())) + "#C#" + store.Escape(c.ID())
}

func logPK(c store.Conv, first uint64) string {
	return convPK(c) + "#" + strconv.FormatUint(store.Bucket(first), 10)
}

func logKey(c store.Conv, first uint64) item {
	return item{attrPK: str(logPK(c, first)), attrSK: num(first)}
}

func userPK(u store.User) string {
	return "T#" + store.Escape(string(u.Tenant())) + "#U#" + store.Escape(u.ID())
}

// errBroken is wrapped by every error about an item that this package did not write.
var errBroken = errors.New("dynamodb: a broken item")

// parseLogPK reverts logPK, but for the bucket.
func parseLogPK(pk string) (store.Conv, error) {
	parts := strings.Split(pk, "#")
	if len(parts) != 5 || parts[0] != "T" || parts[2] != "C" {
		return store.Conv{}, fmt.Errorf("%w: key of a batch", errBroken)
	}
	tenant, err := store.Unescape(parts[1])
	if err != nil {
		return store.Conv{}, fmt.Errorf("%w: tenant: %w", errBroken, err)
	}
	id, err := store.Unescape(parts[3])
	if err != nil {
		return store.Conv{}, fmt.Errorf("%w: conversation: %w", errBroken, err)
	}
	return store.NewConv(store.Tenant(tenant), id)
}

// text returns a string attribute, empty when it is not there.
func text(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

// number returns a number attribute, 0 when it is not there.
func number(it item, name string) (uint64, error) {
	switch v := it[name].(type) {
	case nil:
		return 0, nil
	case *types.AttributeValueMemberN:
		if n, err := strconv.ParseUint(v.Value, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: %s is not a count", errBroken, name)
}

// numbers reads several number attributes.
func numbers(it item, into map[string]*uint64) error {
	for name, n := range into {
		v, err := number(it, name)
		if err != nil {
			return err
		}
		*n = v
	}
	return nil
}

// millis returns a time attribute in Unix milliseconds.
func millis(it item, name string) (time.Time, error) {
	v, ok := it[name].(*types.AttributeValueMemberN)
	if !ok {
		return time.Time{}, fmt.Errorf("%w: %s is missing", errBroken, name)
	}
	ms, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %s is not a time", errBroken, name)
	}
	return time.UnixMilli(ms).UTC(), nil
}

func millisOf(t time.Time) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.UnixMilli(), 10)}
}

// batchItem returns the item of a batch.
func batchItem(c store.Conv, b *logpb.Batch, o store.AppendOptions) (item, error) {
	data, err := proto.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("%w: encode batch: %w", store.ErrInvalid, err)
	}
	it := logKey(c, store.First(b))
	it[attrBatch] = &types.AttributeValueMemberB{Value: data}
	if !o.ExpiresAt.IsZero() {
		it[attrExpiresAt] = num(uint64(max(o.ExpiresAt.Unix(), 0)))
	}
	if o.Outbox {
		it[attrOutbox] = num(uint64(store.OutboxShard(c)))
	}
	return it, nil
}

// parseBatch reverts batchItem.
func parseBatch(it item) (store.Stored, error) {
	data, ok := it[attrBatch].(*types.AttributeValueMemberB)
	if !ok {
		return store.Stored{}, fmt.Errorf("%w: a batch without content", errBroken)
	}
	st := store.Stored{Batch: &logpb.Batch{}}
	if err := proto.Unmarshal(data.Value, st.Batch); err != nil {
		return store.Stored{}, fmt.Errorf("%w: decode batch: %w", errBroken, err)
	}
	if len(st.Batch.GetEntries()) == 0 {
		return store.Stored{}, fmt.Errorf("%w: a batch without entries", errBroken)
	}
	expires, err := number(it, attrExpiresAt)
	if err != nil {
		return store.Stored{}, err
	}
	if expires != 0 {
		st.ExpiresAt = time.Unix(int64(expires), 0).UTC()
	}
	_, st.Outbox = it[attrOutbox]
	return st, nil
}
