package reasons_test

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/moderate/reasons"
)

func TestTally(t *testing.T) {
	var all, more reasons.Tally
	if all.String() != "" || all.Score() != 0 {
		t.Errorf("nothing is %q, %d", all.String(), all.Score())
	}
	all.Add(reasons.Reason{Name: "a", Weight: 60})
	all.Add(reasons.Reason{Name: "a", Weight: 60})
	more.Add(reasons.Reason{Name: "b", Weight: 50})
	more.Add(reasons.Reason{Name: "a", Weight: 60})
	all.AddAll(&more)
	if all.String() != "a:60,b:50" || all.Score() != 100 {
		t.Errorf("each counts once, to 100 at most: %q, %d", all.String(), all.Score())
	}
}
