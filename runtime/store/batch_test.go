package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
)

func batch(seqs ...uint64) *logpb.Batch {
	b := &logpb.Batch{Id: []byte("id")}
	for _, s := range seqs {
		b.Entries = append(b.Entries, &logpb.Entry{Seq: s})
	}
	return b
}

func run(first uint64, n int) []uint64 {
	seqs := make([]uint64, n)
	for i := range seqs {
		seqs[i] = first + uint64(i)
	}
	return seqs
}

func TestCheckBatch(t *testing.T) {
	large := batch(1)
	large.Entries[0].Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: strings.Repeat("x", MaxBatchStored)}}
	nameless := batch(1)
	nameless.Id = nil
	tests := map[string]struct {
		reason string
		batch  *logpb.Batch
		ok     bool
	}{
		"one":           {"the common batch", batch(1), true},
		"full":          {"as many as fit", batch(run(1, MaxBatchEntries)...), true},
		"last of one":   {"a batch may end where its bucket ends", batch(BucketSeqs-1, BucketSeqs), true},
		"nil":           {"nothing cannot be stored", nil, false},
		"empty":         {"a batch has a first seq", batch(), false},
		"nameless":      {"without an id nobody knows whose batch landed", nameless, false},
		"zero":          {"seqs count from 1", batch(0), false},
		"gap":           {"a batch never makes a gap", batch(1, 3), false},
		"backwards":     {"order is the log's promise", batch(2, 1), false},
		"too many":      {"readers look back 31 seqs only", batch(run(1, MaxBatchEntries+1)...), false},
		"crosses a end": {"a batch lies in one partition", batch(BucketSeqs, BucketSeqs+1), false},
		"too large":     {"DynamoDB refuses items above 400 KB", large, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := CheckBatch(tc.batch)
			if tc.ok && err != nil || !tc.ok && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: CheckBatch = %v, want ok = %v", tc.reason, err, tc.ok)
			}
		})
	}
}

func TestReadFrom(t *testing.T) {
	tests := map[string]struct {
		reason     string
		from, want uint64
	}{
		"first":             {"there is nothing before 1", 1, 1},
		"early":             {"no batch starts before the bucket", 31, 1},
		"edge":              {"a full batch from 1 ends at 32", 32, 1},
		"middle":            {"a full batch that ends at from", 100, 69},
		"bucket's first":    {"batches do not cross buckets", BucketSeqs + 1, BucketSeqs + 1},
		"bucket's 40th":     {"again 31 back", BucketSeqs + 40, BucketSeqs + 9},
		"last of a bucket":  {"the bucket is that of from", BucketSeqs, BucketSeqs - 31},
		"early in a bucket": {"clamped to the bucket's start", BucketSeqs + 5, BucketSeqs + 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ReadFrom(tc.from); got != tc.want {
				t.Errorf("%s: ReadFrom(%d) = %d, want %d", tc.reason, tc.from, got, tc.want)
			}
		})
	}
}

func TestMembershipApply(t *testing.T) {
	m := Membership{Joined: 1, Read: 3, Delivered: map[string]uint64{"d": 4}}
	m.Apply(MemberChange{Left: 5})
	m.Apply(MemberChange{Joined: 9})
	want := Membership{Joined: 9, Earlier: []Interval{{1, 5}}, Read: 3, Delivered: map[string]uint64{"d": 4}}
	if d := cmp.Diff(want, m, cmp.AllowUnexported(Conv{})); d != "" {
		t.Errorf("left and back (-want +got):\n%s", d)
	}
	for seq, may := range map[uint64]bool{1: true, 5: true, 6: false, 8: false, 9: true, 1000: true} {
		if m.May(seq) != may {
			t.Errorf("May(%d) = %v, want %v", seq, !may, may)
		}
	}
	for i := range uint64(2 * MaxIntervals) {
		m.Apply(MemberChange{Left: 10 + 2*i})
		m.Apply(MemberChange{Joined: 11 + 2*i})
	}
	if len(m.Earlier) != MaxIntervals {
		t.Errorf("%d intervals are remembered, want %d", len(m.Earlier), MaxIntervals)
	}
}
