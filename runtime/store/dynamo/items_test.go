package dynamo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// itemSize counts as DynamoDB does: names and values in UTF-8 bytes, a number about half a byte a digit and one more.
func itemSize(t *testing.T, it item) int {
	t.Helper()
	n := 0
	for name, v := range it {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += (len(v.Value)+1)/2 + 1
		default:
			t.Fatalf("attribute %s has an unexpected type %T", name, v)
		}
	}
	return n
}

// Writes are paid by the started kilobyte: a lone small message must not cost two.
func TestSmallMessageCostsOneWriteUnit(t *testing.T) {
	const uuid = "0198f3a2-7c1d-7000-8000-0123456789ab"
	tests := map[string]struct {
		reason         string
		tenant, id     string
		user, clientID string
		body           int
	}{
		"common":       {"ids are mostly UUIDs", uuid, uuid, uuid, uuid, 128},
		"longest ids":  {"ids as long as they may be", strings.Repeat("t", 128), strings.Repeat("c", 128), strings.Repeat("u", 128), uuid, 128},
		"longer texts": {"half a kilobyte still fits", uuid, uuid, uuid, uuid, 512},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := &logpb.Batch{Id: make([]byte, 16), Entries: []*logpb.Entry{{
				Seq: 1<<40 + 1, Sender: tc.user, ClientMsgId: tc.clientID, AtMs: time.Now().UnixMilli(), Count: 1 << 40, Device: uuid,
				Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: strings.Repeat("x", tc.body)}},
			}}}
			it, err := batchItem(testConv(t, tc.tenant, tc.id), b, store.AppendOptions{Outbox: true, ExpiresAt: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			if n := itemSize(t, it); n > 1024 {
				t.Errorf("%s: the item has %d bytes, more than 1,024", tc.reason, n)
			}
		})
	}
}

func TestLogPK(t *testing.T) {
	tests := map[string]struct {
		reason, tenant, id string
		first              uint64
		want               string
	}{
		"plain":    {"as the design writes it", "acme", "c1", 1, "T#acme#C#c1#0"},
		"bucket":   {"4,096 seqs share a partition", "acme", "c1", 4097, "T#acme#C#c1#1"},
		"forgery":  {"an id cannot end its part of the key", "acme", "c1#1", 1, "T#acme#C#c1%231#0"},
		"escape":   {"nor pretend to be escaped", "acme", "c1%231", 1, "T#acme#C#c1%25231#0"},
		"a tenant": {"nor can a tenant", "a#C#b", "c", 1, "T#a%23C%23b#C#c#0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := testConv(t, tc.tenant, tc.id)
			got := logPK(c, tc.first)
			if got != tc.want {
				t.Errorf("%s: logPK = %q, want %q", tc.reason, got, tc.want)
			}
			if back, err := parseLogPK(got); err != nil || back != c {
				t.Errorf("parseLogPK(%q) = %v, %v", got, back, err)
			}
		})
	}
}

func FuzzParseLogPK(f *testing.F) {
	for _, s := range []string{"", "T#a#C#b#0", "T##C##0", "T#%#C#%2#0", "T#a#C#b#0#", "####"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pk string) {
		c, err := parseLogPK(pk)
		if err != nil {
			return
		}
		if want := logPK(c, 1); !strings.HasPrefix(pk, strings.TrimSuffix(want, "0")) {
			t.Errorf("parseLogPK(%q) = %v, whose key is %q", pk, c, want)
		}
	})
}

func TestBatchItemRoundTrip(t *testing.T) {
	want := store.Stored{Batch: testBatch(7, 8), ExpiresAt: time.Unix(1_800_000_000, 0).UTC(), Outbox: true}
	it, err := batchItem(testConv(t, "t", "c"), want.Batch, store.AppendOptions{ExpiresAt: want.ExpiresAt, Outbox: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseBatch(it)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Whatever is in a table, reading it ends with an error and not with a panic.
func TestBrokenItems(t *testing.T) {
	bytes := func(b string) types.AttributeValue { return &types.AttributeValueMemberB{Value: []byte(b)} }
	parse := func(it item) error { _, err := parseBatch(it); return err }
	member := func(it item) error { _, err := parseMembership(store.Conv{}, it); return err }
	device := func(it item) error { _, err := parseDevice(it); return err }
	tests := map[string]struct {
		reason string
		parse  func(item) error
		item   item
	}{
		"no batch":         {"an item of someone else", parse, item{}},
		"batch as text":    {"the wrong type", parse, item{attrBatch: str("x")}},
		"not protobuf":     {"bytes of something else", parse, item{attrBatch: bytes("\xff")}},
		"empty batch":      {"First and Last need an entry", parse, item{attrBatch: bytes("")}},
		"joined as text":   {"the wrong type", member, item{attrJoined: str("1")}},
		"joined below 0":   {"not a seq", member, item{attrJoined: &types.AttributeValueMemberN{Value: "-1"}}},
		"odd intervals":    {"half a stay", member, item{attrEarlier: &types.AttributeValueMemberL{Value: []types.AttributeValue{num(1)}}}},
		"mark as text":     {"the wrong type", member, item{attrDelivered: &types.AttributeValueMemberM{Value: item{"d": str("1")}}}},
		"device id":        {"not an escaped id", device, item{attrSK: str("%"), attrRegistered: num(1)}},
		"never registered": {"every device is", device, item{attrSK: str("d")}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tc.parse(tc.item); !errors.Is(err, errBroken) {
				t.Errorf("%s: %v, want errBroken", tc.reason, err)
			}
		})
	}
}
