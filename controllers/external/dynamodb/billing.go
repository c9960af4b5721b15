package dynamodb

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Billing is how a table's capacity is paid for. It is comparable.
type Billing struct {
	// Provisioned says which of the two others counts.
	Provisioned bool
	// Capacity is what a provisioned table, and each of its indexes, has.
	Capacity Capacity
	// Limits bound an on-demand table; NoLimit is none.
	Limits Capacity
}

// Capacity is in DynamoDB's units.
type Capacity struct {
	Read, Write int64
}

// NoLimit is DynamoDB's word for no limit of an on-demand table.
const NoLimit = -1

// observedBilling reads a table's. A table that was never on demand has no summary.
func observedBilling(t *types.TableDescription) Billing {
	if t.BillingModeSummary == nil || t.BillingModeSummary.BillingMode != types.BillingModePayPerRequest {
		return Billing{Provisioned: true, Capacity: capacityOf(t.ProvisionedThroughput)}
	}
	b := Billing{Limits: Capacity{NoLimit, NoLimit}}
	if limits := t.OnDemandThroughput; limits != nil {
		b.Limits = Capacity{limitOf(limits.MaxReadRequestUnits), limitOf(limits.MaxWriteRequestUnits)}
	}
	return b
}

func limitOf(units *int64) int64 {
	if units == nil {
		return NoLimit
	}
	return *units
}

func capacityOf(t *types.ProvisionedThroughputDescription) Capacity {
	if t == nil {
		return Capacity{}
	}
	return Capacity{aws.ToInt64(t.ReadCapacityUnits), aws.ToInt64(t.WriteCapacityUnits)}
}

// slowIndexes are the table's own indexes whose provisioned capacity is not as wanted; a user's own index is theirs.
func slowIndexes(w Wanted, o Observed) []string {
	if !w.Billing.Provisioned {
		return nil
	}
	var names []string
	for _, i := range w.Table.Indexes {
		if c, there := o.Indexes[i.Name]; there && c != w.Billing.Capacity {
			names = append(names, i.Name)
		}
	}
	return names
}

// modeInput switches the mode. To provisioned, every index of the table needs a capacity in the same call, a user's own too.
func modeInput(w Wanted, o Observed) *dynamodb.UpdateTableInput {
	in := &dynamodb.UpdateTableInput{TableName: aws.String(w.Name), BillingMode: mode(w.Billing)}
	if w.Billing.Provisioned {
		in.ProvisionedThroughput = provisioned(w.Billing)
		in.GlobalSecondaryIndexUpdates = indexUpdates(w.Billing, slices.Sorted(maps.Keys(o.Indexes)))
		return in
	}
	in.OnDemandThroughput = limits(w.Billing)
	return in
}

// throughputInput changes what differs and nothing else: DynamoDB refuses a capacity that is there already.
func throughputInput(w Wanted, o Observed) *dynamodb.UpdateTableInput {
	in := &dynamodb.UpdateTableInput{TableName: aws.String(w.Name)}
	if !w.Billing.Provisioned {
		in.OnDemandThroughput = limits(w.Billing)
		return in
	}
	if w.Billing.Capacity != o.Billing.Capacity {
		in.ProvisionedThroughput = provisioned(w.Billing)
	}
	in.GlobalSecondaryIndexUpdates = indexUpdates(w.Billing, slowIndexes(w, o))
	return in
}

func indexUpdates(b Billing, names []string) []types.GlobalSecondaryIndexUpdate {
	var updates []types.GlobalSecondaryIndexUpdate
	for _, name := range names {
		updates = append(updates, types.GlobalSecondaryIndexUpdate{Update: &types.UpdateGlobalSecondaryIndexAction{
			IndexName: aws.String(name), ProvisionedThroughput: provisioned(b),
		}})
	}
	return updates
}

func mode(b Billing) types.BillingMode {
	if b.Provisioned {
		return types.BillingModeProvisioned
	}
	return types.BillingModePayPerRequest
}

// provisioned is nil for an on-demand table, which takes none.
func provisioned(b Billing) *types.ProvisionedThroughput {
	if !b.Provisioned {
		return nil
	}
	return &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(b.Capacity.Read), WriteCapacityUnits: aws.Int64(b.Capacity.Write)}
}

func limits(b Billing) *types.OnDemandThroughput {
	return &types.OnDemandThroughput{MaxReadRequestUnits: aws.Int64(b.Limits.Read), MaxWriteRequestUnits: aws.Int64(b.Limits.Write)}
}

// initialLimits is nil where there are none, so that an engine in DynamoDB's place need not know them.
func initialLimits(b Billing) *types.OnDemandThroughput {
	if b.Provisioned || b.Limits == (Capacity{NoLimit, NoLimit}) {
		return nil
	}
	return limits(b)
}
