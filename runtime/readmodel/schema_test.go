package readmodel

import (
	"errors"
	"testing"
	"testing/fstest"
)

func TestTargetIsTheNewestMigration(t *testing.T) {
	fsys := fstest.MapFS{"01001_a.sql": {}, "02010_b.sql": {}, "02002_c.sql": {}, "notes.txt": {}}
	if got := targetOf(fsys); got != 2010 {
		t.Errorf("target %d, want 2010", got)
	}
	if Target() < MinSchema || Target() > MaxSchema() {
		t.Errorf("this binary does not run on what it migrates to: %d is not within %d to %d", Target(), MinSchema, MaxSchema())
	}
}

func TestCheckSchema(t *testing.T) {
	for _, tc := range []struct {
		version int64
		ok      bool
		reason  string
	}{
		{0, false, "never migrated"},
		{MinSchema - 1, false, "too old"},
		{Target(), true, "its own"},
		{MaxSchema(), true, "the next release has migrated, this one still runs"},
		{MaxSchema() + 1, false, "two releases on, columns may be gone"},
	} {
		err := checkSchema(tc.version)
		if (err == nil) != tc.ok || (err != nil && !errors.Is(err, ErrIncompatible)) {
			t.Errorf("version %d: %v: %s", tc.version, err, tc.reason)
		}
	}
}

func TestQuoteSetting(t *testing.T) {
	if got, want := quoteSetting(`a'b\c d`), `'a\'b\\c d'`; got != want {
		t.Errorf("got %s, want %s: a value must not become another setting", got, want)
	}
}
