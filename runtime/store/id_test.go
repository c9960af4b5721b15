package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestIDsAreCheckedOnce(t *testing.T) {
	cases := map[string]struct {
		reason     string
		tenant, id string
		ok         bool
	}{
		"Plain":          {"the usual", "acme", "alice", true},
		"Separators":     {"implementations encode, so nothing is forged by them", "acme", "a#b%/|", true},
		"Unicode":        {"names are people's", "acme", "żółć", true},
		"EmptyTenant":    {"a key without its tenant cannot be built", "", "alice", false},
		"EmptyID":        {"nothing names nothing", "acme", "", false},
		"TooLong":        {"keys are bounded", "acme", strings.Repeat("x", store.MaxIDBytes+1), false},
		"Longest":        {"the bound itself is allowed", "acme", strings.Repeat("x", store.MaxIDBytes), true},
		"ControlByte":    {"logs stay one line", "acme", "a\nb", false},
		"NotUTF8":        {"JSON could not carry it", "acme", "a\xff", false},
		"TenantTooLong":  {"keys are bounded", strings.Repeat("x", store.MaxIDBytes+1), "alice", false},
		"TenantNotClean": {"logs stay one line", "ac\x00me", "alice", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, convErr := store.NewConv(store.Tenant(tc.tenant), tc.id)
			_, userErr := store.NewUser(store.Tenant(tc.tenant), tc.id)
			for _, err := range []error{convErr, userErr} {
				if tc.ok != (err == nil) {
					t.Errorf("%s: error = %v, want ok = %t", tc.reason, err, tc.ok)
				}
				if err != nil && !errors.Is(err, store.ErrInvalidID) {
					t.Errorf("error %v does not wrap ErrInvalidID", err)
				}
			}
		})
	}
}

func TestBucketsMeetWithoutOverlap(t *testing.T) {
	for _, tc := range []struct{ first, bucket, end uint64 }{
		{1, 0, 4096}, {4096, 0, 4096}, {4097, 1, 8192}, {8192, 1, 8192},
	} {
		if got := store.Bucket(tc.first); got != tc.bucket {
			t.Errorf("Bucket(%d) = %d, want %d", tc.first, got, tc.bucket)
		}
		if got := store.BucketEnd(tc.first); got != tc.end {
			t.Errorf("BucketEnd(%d) = %d, want %d", tc.first, got, tc.end)
		}
	}
}
