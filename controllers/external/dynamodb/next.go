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
	// Tags are the user's, beside the owner's.
	Tags               map[string]string
	DeletionProtection bool
	// BackupDays is for how many days the table can be restored, 0 for not at all.
	BackupDays int32
	// Adopt allows to take a table that nobody owns.
	Adopt bool
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
	SetProtection   Step = "SetDeletionProtection"
	SetBackups      Step = "SetPointInTimeRecovery"
	CreateIndex     Step = "CreateIndex"
	Unprotect       Step = "LiftDeletionProtection"
	Delete          Step = "Delete"
	RemoveOwnerTags Step = "RemoveOwnerTags"
	stateActive          = string(types.TableStatusActive)
	stateCreating        = string(types.TableStatusCreating)
	stateUpdating        = string(types.TableStatusUpdating)
	stateDeleting        = string(types.TableStatusDeleting)
	ttlEnabled           = string(types.TimeToLiveStatusEnabled)
	ttlEnabling          = string(types.TimeToLiveStatusEnabling)
	ttlDisabling         = string(types.TimeToLiveStatusDisabling)
)

// Next chooses the one step that brings a table closer to what is wanted. An error is terminal: the table is another's, or
// differs in what cannot be changed.
func Next(w Wanted, o Observed) (Step, error) {
	switch o.State {
	case Missing:
		return Create, nil
	case stateDeleting:
		return Wait, nil
	}
	if tagsMayCome(w, o) {
		return Wait, nil
	}
	if err := mayTouch(w, o); err != nil {
		return Done, err
	}
	if !slices.Equal(keys(w.Table), o.Keys) {
		return Done, fault.Terminal(v1alpha1.ReasonMismatch, "table %s has another primary key than ChatCluster needs: use another dynamoDB.tablePrefix", w.Name)
	}
	if o.Supports(FeatureTags) && len(missingTags(w, o)) > 0 {
		return Tag, nil
	}
	switch o.State {
	case stateActive:
	case stateCreating, stateUpdating:
		return Wait, nil
	default:
		return Done, fault.Terminal(v1alpha1.ReasonError, "table %s is %s: see the AWS console", w.Name, o.State)
	}
	if step := nextTTL(w, o); step != Done {
		return step, nil
	}
	if w.DeletionProtection != o.DeletionProtection {
		return SetProtection, nil
	}
	if o.Supports(FeaturePointInTimeRecovery) && w.BackupDays != o.BackupDays {
		return SetBackups, nil
	}
	if _, missing := missingIndex(w, o); missing {
		return CreateIndex, nil
	}
	return Done, nil
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
		return fault.Terminal(v1alpha1.ReasonNotOwned, "table %s exists and belongs to nobody: annotate the ChatCluster with %s=true to take it over, or use another dynamoDB.tablePrefix", w.Name, v1alpha1.AnnotationAdopt)
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
		if !slices.Contains(o.Indexes, i.Name) {
			return i, true
		}
	}
	return dynamo.Index{}, false
}

func keys(t dynamo.Table) []Attribute {
	k := []Attribute{{t.Hash.Name, string(t.Hash.Type)}}
	if t.Range != nil {
		k = append(k, Attribute{t.Range.Name, string(t.Range.Type)})
	}
	return k
}
