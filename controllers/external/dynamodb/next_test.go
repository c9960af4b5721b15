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
		Billing: Billing{Limits: Capacity{NoLimit, NoLimit}}, KnownID: "t1",
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
		State: stateActive, ARN: "arn", Keys: []Attribute{{"pk", "S"}, {"sk", "N"}}, Indexes: map[string]Capacity{"outbox": {}}, DeletionProtection: true,
		ID: "t1", Billing: Billing{Limits: Capacity{NoLimit, NoLimit}},
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

// fresh is a table that nobody has seen yet.
func fresh(w *Wanted) { w.KnownID = "" }

func provisionedTable(w *Wanted) {
	w.Billing = Billing{Provisioned: true, Capacity: Capacity{10, 20}}
}

func nothingHeld(Step) bool { return false }

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
		"Missing":    {reason: "what was never there is created", wanted: fresh, given: func(o *Observed) { *o = Observed{State: Missing} }, want: want{Step: Create}},
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
		"Extra":      {reason: "a user's own index is left alone", given: func(o *Observed) { o.Indexes["mine"] = Capacity{} }},
		"NoFeatures": {reason: "what the endpoint does not have is not asked of it", given: func(o *Observed) {
			o.Unsupported, o.Tags, o.BackupDays = []string{FeatureTags, FeaturePointInTimeRecovery}, nil, 0
		}},
		"TagsLate":      {reason: "a new table's tags show with a delay: it is not nobody's yet", given: func(o *Observed) { o.State, o.Tags = stateCreating, nil }, want: want{Step: Wait}},
		"Foreign":       {reason: "another ChatCluster's table is never touched", given: func(o *Observed) { o.Tags = foreign() }, want: want{Terminal: true}},
		"Unowned":       {reason: "a table that nobody owns is not taken unasked", given: func(o *Observed) { o.Tags = nil }, want: want{Terminal: true}},
		"Adopt":         {reason: "the user's word is enough", wanted: func(w *Wanted) { w.Adopt = true }, given: func(o *Observed) { o.Tags = nil }, want: want{Step: Tag}},
		"NotTheir":      {reason: "the user's word does not reach another's table", wanted: func(w *Wanted) { w.Adopt = true }, given: func(o *Observed) { o.Tags = foreign() }, want: want{Terminal: true}},
		"Key":           {reason: "a primary key cannot be changed", given: func(o *Observed) { o.Keys = []Attribute{{"id", "S"}} }, want: want{Terminal: true}},
		"Lost":          {reason: "an empty table in its place would hide that its data is gone", given: func(o *Observed) { *o = Observed{State: Missing} }, want: want{Terminal: true}},
		"LostTold":      {reason: "the user knows", wanted: func(w *Wanted) { w.Recreate = true }, given: func(o *Observed) { *o = Observed{State: Missing} }, want: want{Step: Create}},
		"Replaced":      {reason: "a namesake is not the table that held the data", given: func(o *Observed) { o.ID = "t2" }, want: want{Terminal: true}},
		"Restored":      {reason: "a backup comes back as another table, without tags", wanted: func(w *Wanted) { w.Adopt = true }, given: func(o *Observed) { o.ID, o.Tags = "t2", nil }, want: want{Step: Tag}},
		"StandIn":       {reason: "an engine in DynamoDB's place may have no ids", given: func(o *Observed) { o.ID = "" }},
		"KeyLost":       {reason: "only a person gives a key back", given: func(o *Observed) { o.State, o.KMSKeyARN = stateKeyLost, "arn:k" }, want: want{Terminal: true}},
		"Key1st":        {reason: "a key given to a table", wanted: func(w *Wanted) { w.KMSKeyARN, w.DeletionProtection = "arn:k", false }, want: want{Step: SetEncryption}},
		"KeyOff":        {reason: "a key taken away", given: func(o *Observed) { o.KMSKeyARN = "arn:k" }, want: want{Step: SetEncryption}},
		"ToProvisioned": {reason: "the mode comes with its capacity, in one change", wanted: provisionedTable, want: want{Step: SetBillingMode}},
		"ToOnDemand":    {reason: "and back", given: func(o *Observed) { o.Billing = Billing{Provisioned: true, Capacity: Capacity{5, 5}} }, want: want{Step: SetBillingMode}},
		"Limits":        {reason: "limits are set", wanted: func(w *Wanted) { w.Billing.Limits.Write = 100 }, want: want{Step: SetThroughput}},
		"LimitsOff":     {reason: "a limit that nobody asks for goes", given: func(o *Observed) { o.Billing.Limits.Read = 100 }, want: want{Step: SetThroughput}},
		"Capacity":      {reason: "capacity drifted", wanted: provisionedTable, given: func(o *Observed) { o.Billing = Billing{Provisioned: true, Capacity: Capacity{1, 1}} }, want: want{Step: SetThroughput}},
		"IndexCapacity": {reason: "an index drifted", wanted: provisionedTable, given: func(o *Observed) {
			o.Billing = Billing{Provisioned: true, Capacity: Capacity{10, 20}}
			o.Indexes["outbox"] = Capacity{1, 1}
		}, want: want{Step: SetThroughput}},
		"OwnIndex": {reason: "the capacity of a user's own index is theirs", wanted: provisionedTable, given: func(o *Observed) {
			o.Billing = Billing{Provisioned: true, Capacity: Capacity{10, 20}}
			o.Indexes = map[string]Capacity{"outbox": {10, 20}, "mine": {1, 1}}
		}},
		"Archived": {reason: "only a person can mend it", given: func(o *Observed) { o.State = "ARCHIVED" }, want: want{Terminal: true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			step, err := Next(wanted(tc.wanted), observed(tc.given), nothingHeld)
			if diff := cmp.Diff(tc.want, want{step, fault.IsTerminal(err)}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// What is refused for hours must not keep the rest from being repaired.
func TestHeldStepsAreLeftOut(t *testing.T) {
	o := observed(func(o *Observed) { o.BackupDays = 0 })
	held := func(step Step) bool { return step == SetBillingMode }
	if step, err := Next(wanted(provisionedTable), o, held); err != nil || step != SetBackups {
		t.Errorf("got %q, %v, want %q", step, err, SetBackups)
	}
}

// A plan says all of it at once, in the order that works.
func TestPlan(t *testing.T) {
	cases := map[string]struct {
		reason string
		wanted func(*Wanted)
		given  func(*Observed)
		want   []Step
	}{
		"New": {
			reason: "what cannot be said at creation follows", wanted: fresh, given: func(o *Observed) { *o = Observed{State: Missing} },
			want: []Step{Create, EnableTTL, SetBackups},
		},
		"NewProvisioned": {
			reason: "capacity, key and protection are said at creation", given: func(o *Observed) { *o = Observed{State: Missing} },
			wanted: func(w *Wanted) { provisionedTable(w); w.KnownID, w.KMSKeyARN = "", "arn:k" },
			want:   []Step{Create, EnableTTL, SetBackups},
		},
		"All": {
			reason: "the order is DynamoDB's",
			wanted: func(w *Wanted) {
				provisionedTable(w)
				w.KMSKeyARN, w.DeletionProtection, w.BackupDays = "arn:k", false, 1
				w.Tags = map[string]string{"team": "x"}
			},
			given: func(o *Observed) { o.TTL, o.Indexes = "DISABLED", nil },
			want:  []Step{Tag, EnableTTL, SetEncryption, SetBillingMode, SetProtection, SetBackups, CreateIndex},
		},
		"None": {reason: "nothing differs"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Plan(wanted(tc.wanted), observed(tc.given))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
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
