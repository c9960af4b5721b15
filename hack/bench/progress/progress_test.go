package progress

import (
	"slices"
	"strings"
	"testing"
)

func TestWhatRunsReadsAndWhatDoesNotReadsNothing(t *testing.T) {
	at := func(records, spam, fraud int64) Progress {
		return Progress{Records: records, Read: map[string]int64{"spam": spam, "fraud": fraud}}
	}
	cases := map[string]struct {
		reason       string
		after        Progress
		moved, stood string
		behind       []string
	}{
		"AllRead":   {"both went on", at(30, 30, 29), "", "spam has read 20 records", []string{"fraud"}},
		"NoneRead":  {"both stood still", at(30, 10, 10), "fraud has read nothing of 20 new records", "", []string{"fraud", "spam"}},
		"OneRead":   {"one of them is not in the state of the others", at(30, 10, 30), "spam has read nothing", "fraud has read 20 records", []string{"spam"}},
		"NothingIn": {"without traffic nothing is shown", at(10, 10, 10), "nothing came into the topic", "nothing came into the topic", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := at(10, 10, 10)
			if err := Moved(before, tc.after); !says(err, tc.moved) {
				t.Errorf("%s: moved: %v, want %q", tc.reason, err, tc.moved)
			}
			if err := Stood(before, tc.after); !says(err, tc.stood) {
				t.Errorf("%s: stood: %v, want %q", tc.reason, err, tc.stood)
			}
			if got := tc.after.Behind(); !slices.Equal(got, tc.behind) {
				t.Errorf("%s: %v are behind, want %v", tc.reason, got, tc.behind)
			}
		})
	}
}

func says(err error, what string) bool {
	if what == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), what)
}
