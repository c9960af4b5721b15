package dynamodb

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// Wanted is what a table must be.
type Wanted struct {
	// Name is the table's full name.
	Name  string
	Table dynamo.Table
	Owner ownership.Owner
	// KnownID is the id of the table that was there when it was last looked at, empty when there was none.
	KnownID string
	// Tags are the user's, beside the owner's.
	Tags               map[string]string
	Billing            Billing
	KMSKeyARN          string
	DeletionProtection bool
	// BackupDays is for how many days the table can be restored, 0 for not at all.
	BackupDays int32
	// Adopt allows to take a table that nobody owns, also in place of the known one.
	Adopt bool
	// Recreate allows to make an empty table in place of a known one that is gone.
	Recreate bool
}

// Step is what to do next with a table.
type Step string

// Steps.
const (
	// Done: there is nothing to do.
	Done Step = ""
	// Wait: DynamoDB is busy with the table; nothing may be changed now.
	Wait            Step = "Wait"
	Create          Step = "Create"
	Tag             Step = "Tag"
	EnableTTL       Step = "EnableTimeToLive"
	DisableTTL      Step = "DisableTimeToLive"
	SetEncryption   Step = "SetEncryption"
	SetBillingMode  Step = "SetBillingMode"
	SetProtection   Step = "SetDeletionProtection"
	SetBackups      Step = "SetPointInTimeRecovery"
	SetThroughput   Step = "SetThroughput"
	CreateIndex     Step = "CreateIndex"
	Unprotect       Step = "LiftDeletionProtection"
	Delete          Step = "Delete"
	RemoveOwnerTags Step = "RemoveOwnerTags"
	stateActive          = string(types.TableStatusActive)
	stateCreating        = string(types.TableStatusCreating)
	stateUpdating        = string(types.TableStatusUpdating)
	stateDeleting        = string(types.TableStatusDeleting)
	stateKeyLost         = string(types.TableStatusInaccessibleEncryptionCredentials)
	ttlEnabled           = string(types.TimeToLiveStatusEnabled)
	ttlEnabling          = string(types.TimeToLiveStatusEnabling)
	ttlDisabling         = string(types.TimeToLiveStatusDisabling)
)

// Next chooses the one step that brings a table closer to what is wanted. Steps that are held, because DynamoDB refuses them
// for hours, are left out. An error is terminal: the table is another's, or differs in what cannot be changed.
func Next(w Wanted, o Observed, held func(Step) bool) (Step, error) {
	steps, err := Plan(w, o)
	for _, step := range steps {
		if !held(step) {
			return step, err
		}
	}
	return Done, err
}

// Plan returns the steps that bring a table to what is wanted, in the order that works. It is pure.
func Plan(w Wanted, o Observed) ([]Step, error) {
	if err := sameTable(w, o); err != nil {
		return nil, err
	}
	switch o.State {
	case Missing:
		// What cannot be said at creation follows.
		created := o
		created.DeletionProtection, created.Billing, created.KMSKeyARN = w.DeletionProtection, w.Billing, w.KMSKeyARN
		created.Indexes = wantedIndexes(w)
		return append([]Step{Create}, differences(w, created)...), nil
	case stateDeleting:
		return []Step{Wait}, nil
	}
	if tagsMayCome(w, o) {
		return []Step{Wait}, nil
	}
	if err := mayTouch(w, o); err != nil {
		return nil, err
	}
	if !slices.Equal(keys(w.Table), o.Keys) {
		return nil, fault.Terminal(v1alpha1.ReasonMismatch, "table %s has another primary key than ChatCluster needs: use another dynamoDB.tablePrefix", w.Name)
	}
	var steps []Step
	if o.Supports(FeatureTags) && len(missingTags(w, o)) > 0 {
		steps = append(steps, Tag)
	}
	switch o.State {
	case stateActive:
		return append(steps, differences(w, o)...), nil
	case stateCreating, stateUpdating:
		return append(steps, Wait), nil
	case stateKeyLost:
		return nil, fault.Terminal(v1alpha1.ReasonAccessDenied, "table %s cannot be read: its KMS key %s is disabled, gone, or not granted to DynamoDB. Enable or grant it", w.Name, o.KMSKeyARN)
	}
	return nil, fault.Terminal(v1alpha1.ReasonError, "table %s is %s: see the AWS console", w.Name, o.State)
}

// sameTable refuses to go on with another table than the known one: an empty table in place of one that held data would hide
// that the data is gone.
func sameTable(w Wanted, o Observed) error {
	switch {
	case w.KnownID == "" || o.ID == w.KnownID:
		return nil
	case o.State == Missing && !w.Recreate:
		return fault.Terminal(v1alpha1.ReasonReplaced,
			"table %s (id %s) is gone, with what it held: restore it from a backup and annotate the ChatCluster with %s=%s, or annotate it with %s=%s to go on with an empty one",
			w.Name, w.KnownID, v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt, v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionRecreate)
	case o.State != Missing && o.ID != "" && !w.Adopt && !w.Recreate:
		return fault.Terminal(v1alpha1.ReasonReplaced,
			"table %s is another one than before (id %s, not %s): if it is meant to be, annotate the ChatCluster with %s=%s",
			w.Name, o.ID, w.KnownID, v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt)
	}
	return nil
}

// differences are the changes of a table that is not busy. DynamoDB makes one at a time.
func differences(w Wanted, o Observed) []Step {
	var steps []Step
	if step := nextTTL(w, o); step != Done {
		steps = append(steps, step)
	}
	if w.KMSKeyARN != o.KMSKeyARN {
		steps = append(steps, SetEncryption)
	}
	mode := w.Billing.Provisioned == o.Billing.Provisioned
	if !mode {
		steps = append(steps, SetBillingMode)
	}
	if w.DeletionProtection != o.DeletionProtection {
		steps = append(steps, SetProtection)
	}
	if o.Supports(FeaturePointInTimeRecovery) && w.BackupDays != o.BackupDays {
		steps = append(steps, SetBackups)
	}
	if mode && (w.Billing != o.Billing || len(slowIndexes(w, o)) > 0) {
		steps = append(steps, SetThroughput)
	}
	if _, missing := missingIndex(w, o); missing {
		steps = append(steps, CreateIndex)
	}
	return steps
}

// nextTTL leaves a change that is under way alone: for up to an hour any further call would fail. The table serves meanwhile.
func nextTTL(w Wanted, o Observed) Step {
	if !o.Supports(FeatureTimeToLive) || o.TTL == ttlEnabling || o.TTL == ttlDisabling {
		return Done
	}
	enabled := o.TTL == ttlEnabled
	switch {
	case enabled && o.TTLAttribute != w.Table.TTLAttribute:
		return DisableTTL
	case !enabled && w.Table.TTLAttribute != "":
		return EnableTTL
	}
	return Done
}

// NextDelete chooses the next step of deleting a table: Done when it is gone, or is not the owner's to delete.
func NextDelete(w Wanted, o Observed) Step {
	if o.State == Missing || !owns(w, o) {
		return Done
	}
	switch o.State {
	case stateDeleting, stateCreating, stateUpdating:
		return Wait
	}
	if o.DeletionProtection {
		return Unprotect
	}
	return Delete
}

// NextRelease chooses the next step of leaving a table to itself: Done when it carries no tag of the owner's.
func NextRelease(w Wanted, o Observed) Step {
	if tagsMayCome(w, o) {
		return Wait
	}
	if o.State == Missing || o.State == stateDeleting || !o.Supports(FeatureTags) || w.Owner.Of(o.Tags) != ownership.Ours {
		return Done
	}
	return RemoveOwnerTags
}

// tagsMayCome tells that the tags that a table was created with may not show yet: DynamoDB answers for them with a delay.
func tagsMayCome(w Wanted, o Observed) bool {
	return o.State == stateCreating && o.Supports(FeatureTags) && w.Owner.Of(o.Tags) == ownership.Nobody
}

func mayTouch(w Wanted, o Observed) error {
	if owns(w, o) {
		return nil
	}
	if w.Owner.Of(o.Tags) == ownership.Nobody {
		if w.Adopt {
			return nil
		}
		return fault.Terminal(v1alpha1.ReasonNotOwned, "table %s exists and belongs to nobody: annotate the ChatCluster with %s=%s to take it over, or use another dynamoDB.tablePrefix",
			w.Name, v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt)
	}
	return fault.Terminal(v1alpha1.ReasonNotOwned, "table %s belongs to %s: use another dynamoDB.tablePrefix", w.Name, ownership.Describe(o.Tags))
}

// owns goes by the prefix where the endpoint has no tags.
func owns(w Wanted, o Observed) bool {
	return !o.Supports(FeatureTags) || w.Owner.Of(o.Tags) == ownership.Ours
}

func missingTags(w Wanted, o Observed) map[string]string {
	missing := map[string]string{}
	for k, v := range allTags(w) {
		if have, ok := o.Tags[k]; !ok || have != v {
			missing[k] = v
		}
	}
	return missing
}

func allTags(w Wanted) map[string]string {
	all := w.Owner.Tags()
	for k, v := range w.Tags {
		if _, reserved := all[k]; !reserved {
			all[k] = v
		}
	}
	return all
}

func missingIndex(w Wanted, o Observed) (dynamo.Index, bool) {
	for _, i := range w.Table.Indexes {
		if _, there := o.Indexes[i.Name]; !there {
			return i, true
		}
	}
	return dynamo.Index{}, false
}

func wantedIndexes(w Wanted) map[string]Capacity {
	indexes := map[string]Capacity{}
	for _, i := range w.Table.Indexes {
		indexes[i.Name] = w.Billing.Capacity
	}
	return indexes
}

func keys(t dynamo.Table) []Attribute {
	k := []Attribute{{t.Hash.Name, string(t.Hash.Type)}}
	if t.Range != nil {
		k = append(k, Attribute{t.Range.Name, string(t.Range.Type)})
	}
	return k
}
