package dynamodb

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

var owner = ownership.Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"}

func wanted(change func(*Wanted)) Wanted {
	w := Wanted{
		Name: "p.log", Owner: owner, Tags: map[string]string{"team": "chat"}, DeletionProtection: true, BackupDays: 35,
		Table: dynamo.Table{
			Name: "log", Hash: dynamo.Key{Name: "pk", Type: dynamo.String}, Range: &dynamo.Key{Name: "sk", Type: dynamo.Number}, TTLAttribute: "expires_at",
			Indexes: []dynamo.Index{{Name: "outbox", Hash: dynamo.Key{Name: "o", Type: dynamo.Number}, Range: dynamo.Key{Name: "pk", Type: dynamo.String}, Projection: "ALL"}},
		},
	}
	if change != nil {
		change(&w)
	}
	return w
}

func observed(change func(*Observed)) Observed {
	tags := owner.Tags()
	tags["team"] = "chat"
	o := Observed{
		State: stateActive, ARN: "arn", Keys: []Attribute{{"pk", "S"}, {"sk", "N"}}, Indexes: []string{"outbox"}, DeletionProtection: true,
		Tags: tags, TTL: ttlEnabled, TTLAttribute: "expires_at", BackupDays: 35,
	}
	if change != nil {
		change(&o)
	}
	return o
}

func foreign() map[string]string {
	return ownership.Owner{Operator: "op", Namespace: "x", Name: "y", UID: "u2"}.Tags()
}

func TestNext(t *testing.T) {
	type want struct {
		Step     Step
		Terminal bool
	}
	cases := map[string]struct {
		reason string
		wanted func(*Wanted)
		given  func(*Observed)
		want   want
	}{
		"Converged":  {reason: "a table as wanted needs nothing"},
		"Missing":    {reason: "what is missing is created", given: func(o *Observed) { *o = Observed{State: Missing} }, want: want{Step: Create}},
		"Deleting":   {reason: "its name is free again later", given: func(o *Observed) { o.State = stateDeleting }, want: want{Step: Wait}},
		"Creating":   {reason: "TTL is refused until the table is ACTIVE", given: func(o *Observed) { o.State, o.TTL = stateCreating, "" }, want: want{Step: Wait}},
		"Updating":   {reason: "one change at a time", given: func(o *Observed) { o.State, o.DeletionProtection = stateUpdating, false }, want: want{Step: Wait}},
		"TagsBusy":   {reason: "tags may be set at any time", given: func(o *Observed) { o.State = stateUpdating; delete(o.Tags, "team") }, want: want{Step: Tag}},
		"TTLFirst":   {reason: "TTL comes before the rest", given: func(o *Observed) { o.TTL, o.DeletionProtection = "DISABLED", false }, want: want{Step: EnableTTL}},
		"TTLBusy":    {reason: "a second TTL call within the hour would fail; the rest goes on", given: func(o *Observed) { o.TTL, o.BackupDays = ttlEnabling, 0 }, want: want{Step: SetBackups}},
		"TTLOther":   {reason: "a table that expires by another attribute loses messages", given: func(o *Observed) { o.TTLAttribute = "x" }, want: want{Step: DisableTTL}},
		"TTLNone":    {reason: "a table whose items do not expire has no TTL", wanted: func(w *Wanted) { w.Table.TTLAttribute = "" }, want: want{Step: DisableTTL}},
		"Protection": {reason: "drift of the protection is repaired", given: func(o *Observed) { o.DeletionProtection = false }, want: want{Step: SetProtection}},
		"BackupDays": {reason: "the period is changed", wanted: func(w *Wanted) { w.BackupDays = 7 }, want: want{Step: SetBackups}},
		"BackupsOff": {reason: "0 days turns backups off", wanted: func(w *Wanted) { w.BackupDays = 0 }, want: want{Step: SetBackups}},
		"Index":      {reason: "an index comes last", given: func(o *Observed) { o.Indexes = nil }, want: want{Step: CreateIndex}},
		"Extra":      {reason: "a user's own index is left alone", given: func(o *Observed) { o.Indexes = append(o.Indexes, "mine") }},
		"NoFeatures": {reason: "what the endpoint does not have is not asked of it", given: func(o *Observed) {
			o.Unsupported, o.Tags, o.BackupDays = []string{FeatureTags, FeaturePointInTimeRecovery}, nil, 0
		}},
		"TagsLate": {reason: "a new table's tags show with a delay: it is not nobody's yet", given: func(o *Observed) { o.State, o.Tags = stateCreating, nil }, want: want{Step: Wait}},
		"Foreign":  {reason: "another ChatCluster's table is never touched", given: func(o *Observed) { o.Tags = foreign() }, want: want{Terminal: true}},
		"Unowned":  {reason: "a table that nobody owns is not taken unasked", given: func(o *Observed) { o.Tags = nil }, want: want{Terminal: true}},
		"Adopt":    {reason: "the user's word is enough", wanted: func(w *Wanted) { w.Adopt = true }, given: func(o *Observed) { o.Tags = nil }, want: want{Step: Tag}},
		"NotTheir": {reason: "the user's word does not reach another's table", wanted: func(w *Wanted) { w.Adopt = true }, given: func(o *Observed) { o.Tags = foreign() }, want: want{Terminal: true}},
		"Key":      {reason: "a primary key cannot be changed", given: func(o *Observed) { o.Keys = []Attribute{{"id", "S"}} }, want: want{Terminal: true}},
		"Archived": {reason: "only a person can mend it", given: func(o *Observed) { o.State = "ARCHIVED" }, want: want{Terminal: true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			step, err := Next(wanted(tc.wanted), observed(tc.given))
			if diff := cmp.Diff(tc.want, want{step, fault.IsTerminal(err)}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNextDelete(t *testing.T) {
	cases := map[string]struct {
		reason string
		given  func(*Observed)
		want   Step
	}{
		"Protected": {reason: "protection is lifted first", want: Unprotect},
		"Free":      {reason: "then it is deleted", given: func(o *Observed) { o.DeletionProtection = false }, want: Delete},
		"Updating":  {reason: "DynamoDB refuses while it is busy", given: func(o *Observed) { o.State = stateUpdating }, want: Wait},
		"Deleting":  {reason: "it is on its way", given: func(o *Observed) { o.State = stateDeleting }, want: Wait},
		"Gone":      {reason: "it is gone", given: func(o *Observed) { *o = Observed{State: Missing} }, want: Done},
		"Foreign":   {reason: "only what carries our UID is deleted", given: func(o *Observed) { o.Tags = foreign() }, want: Done},
		"Unowned":   {reason: "only what carries our UID is deleted", given: func(o *Observed) { o.Tags = nil }, want: Done},
		"NoTags":    {reason: "without tags the prefix decides", given: func(o *Observed) { o.Tags, o.Unsupported = nil, []string{FeatureTags} }, want: Unprotect},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := NextDelete(wanted(nil), observed(tc.given)); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestNextRelease(t *testing.T) {
	cases := map[string]struct {
		reason string
		given  func(*Observed)
		want   Step
	}{
		"Ours":    {reason: "our tags are removed", want: RemoveOwnerTags},
		"Late":    {reason: "a new table's tags show with a delay", given: func(o *Observed) { o.State, o.Tags = stateCreating, nil }, want: Wait},
		"Foreign": {reason: "another's tags stay", given: func(o *Observed) { o.Tags = foreign() }, want: Done},
		"Gone":    {reason: "nothing is left to release", given: func(o *Observed) { *o = Observed{State: Missing} }, want: Done},
		"NoTags":  {reason: "nothing was marked", given: func(o *Observed) { o.Unsupported = []string{FeatureTags} }, want: Done},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := NextRelease(wanted(nil), observed(tc.given)); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
