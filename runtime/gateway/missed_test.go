package gateway

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// fakeLog is a log of one conversation: batches by first seq, and a tail.
type fakeLog struct {
	batches []*logpb.Batch
	tail    uint64
	reads   int
}

// fill adds batches of size entries for the seqs from and to.
func (l *fakeLog) fill(from, to, size uint64, body string) *fakeLog {
	for at := from; at <= to; {
		end := min(at+size-1, to, store.BucketEnd(at))
		b := &logpb.Batch{Id: []byte{1}}
		for ; at <= end; at++ {
			b.Entries = append(b.Entries, &logpb.Entry{Seq: at, Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}}})
		}
		l.batches = append(l.batches, b)
	}
	return l
}

func (l *fakeLog) Read(_ context.Context, _ store.Conv, from uint64, limit int) ([]store.Stored, error) {
	l.reads++
	var out []store.Stored
	for _, b := range l.batches {
		if store.Last(b) >= from && store.Bucket(store.First(b)) == store.Bucket(from) && len(out) < limit {
			out = append(out, store.Stored{Batch: b})
		}
	}
	return out, nil
}

func (l *fakeLog) Conversation(context.Context, store.Conv) (store.Conversation, error) {
	l.reads++
	return store.Conversation{Tail: l.tail}, nil
}

func TestMissedAfter(t *testing.T) {
	const bucket = store.BucketSeqs
	long := string(make([]byte, 16<<10))
	type want struct {
		GapTo, First, Last, End uint64
		Reads                   int
	}
	cases := map[string]struct {
		reason      string
		log         *fakeLog
		sent, known uint64
		want        want
	}{
		"Nothing":       {"the device has all of it: one read", new(fakeLog).fill(1, 9, 1, ""), 9, 0, want{End: 9, Reads: 1}},
		"Some":          {"one read", new(fakeLog).fill(1, 9, 1, ""), 4, 0, want{First: 5, Last: 9, End: 9, Reads: 1}},
		"MidBatch":      {"what was sent of a batch is not sent again", new(fakeLog).fill(1, 30, 30, ""), 4, 0, want{First: 5, Last: 30, End: 30, Reads: 1}},
		"AtTheBound":    {"200 are no gap", new(fakeLog).fill(1, 200, 1, ""), 0, 0, want{First: 1, Last: 200, End: 200, Reads: 1}},
		"OverTheBound":  {"the rest is a gap", new(fakeLog).fill(1, 220, 32, ""), 0, 0, want{GapTo: 20, First: 21, Last: 220, End: 220, Reads: 1}},
		"FarBehind":     {"what the tail covers is not read", &fakeLog{tail: 3000, batches: new(fakeLog).fill(1, 3050, 1, "").batches}, 0, 0, want{GapTo: 2850, First: 2851, Last: 3050, End: 3050, Reads: 4}},
		"NextBucket":    {"a full bucket is followed by the next", new(fakeLog).fill(bucket-9, bucket+10, 7, ""), bucket - 5, 0, want{First: bucket - 4, Last: bucket + 10, End: bucket + 10, Reads: 2}},
		"BucketsEnd":    {"a full bucket may be the last", new(fakeLog).fill(bucket-9, bucket, 7, ""), bucket, 0, want{End: bucket, Reads: 2}},
		"Expired":       {"what has left the store is a gap, what is there is sent", &fakeLog{tail: 60, batches: new(fakeLog).fill(50, 60, 1, "").batches}, 10, 0, want{GapTo: 49, First: 50, Last: 60, End: 60, Reads: 1}},
		"AllExpired":    {"the tail tells how much there was", &fakeLog{tail: 60}, 10, 0, want{GapTo: 60, End: 60, Reads: 2}},
		"ExpiredToo":    {"as does a head", &fakeLog{}, 10, 60, want{GapTo: 60, End: 60, Reads: 2}},
		"ExpiredBucket": {"later buckets are found by the tail", &fakeLog{tail: bucket + 5, batches: new(fakeLog).fill(bucket+3, bucket+8, 1, "").batches}, 10, 0, want{GapTo: bucket + 2, First: bucket + 3, Last: bucket + 8, End: bucket + 8, Reads: 3}},
		"Idle":          {"all expired and nothing missed", &fakeLog{tail: 10}, 10, 0, want{End: 10, Reads: 2}},
		"Empty":         {"no log at all", &fakeLog{}, 0, 0, want{Reads: 2}},
		"TooManyBytes":  {"memory is bounded", new(fakeLog).fill(1, 100, 1, long), 0, 0, want{GapTo: 37, First: 38, Last: 100, End: 100, Reads: 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := missedAfter(t.Context(), tc.log, store.Conv{}, tc.sent, tc.known)
			if err != nil {
				t.Fatal(err)
			}
			got := want{GapTo: m.gapTo, End: m.end, Reads: tc.log.reads}
			if n := len(m.entries); n > 0 {
				got.First, got.Last = m.entries[0].GetSeq(), m.entries[n-1].GetSeq()
				if uint64(n) != got.Last-got.First+1 {
					t.Errorf("%d entries from %d to %d", n, got.First, got.Last)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAwayAfter(t *testing.T) {
	m := store.Membership{Joined: 20, Earlier: []store.Interval{{Joined: 3, Left: 10}}}
	gone := store.Membership{Joined: 20, Left: 30, Earlier: m.Earlier}
	cases := []struct {
		reason string
		m      store.Membership
		seq    uint64
		want   bool
	}{
		{"before the first stay", m, 2, true},
		{"the first stay begins", m, 3, false},
		{"the entry that says so is the last", m, 10, true},
		{"between stays", m, 15, true},
		{"back", m, 20, false},
		{"still", m, 1000, false},
		{"gone again", gone, 30, true},
		{"before that", gone, 29, false},
	}
	for _, tc := range cases {
		if got := awayAfter(tc.m, tc.seq); got != tc.want {
			t.Errorf("%s: awayAfter(%d) = %t", tc.reason, tc.seq, got)
		}
	}
	if got := startOf(m, "phone", Mark{}); got != 2 {
		t.Errorf("a late device starts at %d: what came in the first stay is still due", got)
	}
	m.Delivered = map[string]uint64{"phone": 7}
	if got := startOf(m, "phone", Mark{Delivered: 5}); got != 7 {
		t.Errorf("startOf = %d, want the higher mark", got)
	}
}
