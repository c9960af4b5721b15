package dynamodbtest

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func invalid(message string) error { return fail("ValidationException", message) }

// created is a new table, when DynamoDB would make it.
func (f *Fake) created(in *dynamodb.CreateTableInput) (*table, error) {
	provisioned := in.BillingMode != types.BillingModePayPerRequest
	used := map[string]bool{}
	for _, k := range in.KeySchema {
		used[*k.AttributeName] = true
	}
	if err := throughputFits(provisioned, in.ProvisionedThroughput); err != nil {
		return nil, err
	}
	var indexes []types.GlobalSecondaryIndexDescription
	for _, i := range in.GlobalSecondaryIndexes {
		for _, k := range i.KeySchema {
			used[*k.AttributeName] = true
		}
		if err := throughputFits(provisioned, i.ProvisionedThroughput); err != nil {
			return nil, err
		}
		indexes = append(indexes, types.GlobalSecondaryIndexDescription{IndexName: i.IndexName, KeySchema: i.KeySchema, ProvisionedThroughput: described(i.ProvisionedThroughput)})
	}
	if len(used) != len(in.AttributeDefinitions) {
		return nil, invalid("the attribute definitions must be exactly those of the keys")
	}
	f.made++
	t := &table{tags: map[string]string{}, ttl: types.TimeToLiveDescription{TimeToLiveStatus: types.TimeToLiveStatusDisabled}}
	t.description = types.TableDescription{
		TableName: in.TableName, TableArn: aws.String(arnPrefix + *in.TableName), TableStatus: types.TableStatusCreating,
		TableId: aws.String(fmt.Sprintf("table-%d", f.made)), KeySchema: in.KeySchema, AttributeDefinitions: in.AttributeDefinitions,
		GlobalSecondaryIndexes: indexes, DeletionProtectionEnabled: in.DeletionProtectionEnabled,
		ProvisionedThroughput: described(in.ProvisionedThroughput), OnDemandThroughput: normal(in.OnDemandThroughput), SSEDescription: encrypted(in.SSESpecification),
	}
	if !provisioned {
		t.description.BillingModeSummary = &types.BillingModeSummary{BillingMode: types.BillingModePayPerRequest}
	}
	for _, tag := range in.Tags {
		t.tags[*tag.Key] = *tag.Value
	}
	return t, nil
}

// change makes one change, or refuses as DynamoDB does.
func (f *Fake) change(t *table, in *dynamodb.UpdateTableInput) error {
	updates, creates := 0, 0
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if u.Update != nil {
			updates++
		} else {
			creates++
		}
	}
	throughput := in.ProvisionedThroughput != nil || in.OnDemandThroughput != nil || updates > 0 || in.BillingMode != ""
	changes := 0
	for _, one := range []bool{throughput, creates > 0, in.DeletionProtectionEnabled != nil, in.SSESpecification != nil} {
		if one {
			changes++
		}
	}
	if changes != 1 || creates > 1 {
		return invalid("one change at a time")
	}
	switch {
	case throughput:
		return f.changeThroughput(t, in, updates)
	case in.SSESpecification != nil:
		if err := f.allow(&t.rekeyed, "the key"); err != nil {
			return err
		}
		next := encrypted(in.SSESpecification)
		if aws.ToString(arnOf(next)) == aws.ToString(arnOf(t.description.SSEDescription)) {
			return invalid("the table is encrypted so already")
		}
		t.description.SSEDescription = next
	case in.DeletionProtectionEnabled != nil:
		t.description.DeletionProtectionEnabled = in.DeletionProtectionEnabled
	default:
		create := in.GlobalSecondaryIndexUpdates[0].Create
		if err := throughputFits(t.provisioned(), create.ProvisionedThroughput); err != nil {
			return err
		}
		t.description.GlobalSecondaryIndexes = append(t.description.GlobalSecondaryIndexes,
			types.GlobalSecondaryIndexDescription{IndexName: create.IndexName, KeySchema: create.KeySchema, ProvisionedThroughput: described(create.ProvisionedThroughput)})
	}
	return nil
}

func (f *Fake) changeThroughput(t *table, in *dynamodb.UpdateTableInput, updates int) error {
	toProvisioned := in.BillingMode == types.BillingModeProvisioned
	toOnDemand := in.BillingMode == types.BillingModePayPerRequest
	switch {
	case toProvisioned && t.provisioned(), toOnDemand && !t.provisioned():
		return invalid("the table has that billing mode already")
	case toProvisioned && updates != len(t.description.GlobalSecondaryIndexes):
		return invalid("every index needs a capacity, too")
	case toOnDemand && (in.ProvisionedThroughput != nil || updates > 0):
		return invalid("an on-demand table has no provisioned capacity")
	case in.BillingMode == "" && t.provisioned() == (in.OnDemandThroughput != nil):
		return invalid("that belongs to the other billing mode")
	}
	if toOnDemand {
		if err := f.allow(&t.onDemand, "Update to PayPerRequest mode"); err != nil {
			return err
		}
		t.bill(0, 0)
	}
	if p := in.ProvisionedThroughput; p != nil {
		if have := t.description.ProvisionedThroughput; in.BillingMode == "" && *have.ReadCapacityUnits == *p.ReadCapacityUnits && *have.WriteCapacityUnits == *p.WriteCapacityUnits {
			return invalid("the provisioned throughput for the table will not change")
		}
		if toProvisioned {
			t.bill(*p.ReadCapacityUnits, *p.WriteCapacityUnits)
		}
		t.description.ProvisionedThroughput = described(p)
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		for i := range t.description.GlobalSecondaryIndexes {
			if index := &t.description.GlobalSecondaryIndexes[i]; *index.IndexName == *u.Update.IndexName {
				index.ProvisionedThroughput = described(u.Update.ProvisionedThroughput)
			}
		}
	}
	if in.OnDemandThroughput != nil {
		t.description.OnDemandThroughput = normal(in.OnDemandThroughput)
	}
	return nil
}

func (t *table) provisioned() bool { return t.description.BillingModeSummary == nil }

// bill switches the mode: zero is on demand.
func (t *table) bill(read, write int64) {
	t.description.OnDemandThroughput = nil
	var p *types.ProvisionedThroughput
	t.description.BillingModeSummary = &types.BillingModeSummary{BillingMode: types.BillingModePayPerRequest}
	if read > 0 {
		p = &types.ProvisionedThroughput{ReadCapacityUnits: &read, WriteCapacityUnits: &write}
		t.description.BillingModeSummary = nil
	}
	t.description.ProvisionedThroughput = described(p)
	for i := range t.description.GlobalSecondaryIndexes {
		t.description.GlobalSecondaryIndexes[i].ProvisionedThroughput = described(p)
	}
}

func throughputFits(provisioned bool, p *types.ProvisionedThroughput) error {
	if provisioned != (p != nil) {
		return invalid("a provisioned table, and each of its indexes, has a capacity, and an on-demand one has none")
	}
	return nil
}

func described(p *types.ProvisionedThroughput) *types.ProvisionedThroughputDescription {
	if p == nil {
		return &types.ProvisionedThroughputDescription{ReadCapacityUnits: aws.Int64(0), WriteCapacityUnits: aws.Int64(0)}
	}
	return &types.ProvisionedThroughputDescription{ReadCapacityUnits: p.ReadCapacityUnits, WriteCapacityUnits: p.WriteCapacityUnits}
}

// normal is what a limit is shown as: -1 takes it away.
func normal(o *types.OnDemandThroughput) *types.OnDemandThroughput {
	if o == nil || aws.ToInt64(o.MaxReadRequestUnits) == -1 && aws.ToInt64(o.MaxWriteRequestUnits) == -1 {
		return nil
	}
	return o
}

func encrypted(s *types.SSESpecification) *types.SSEDescription {
	if s == nil || !aws.ToBool(s.Enabled) {
		return nil
	}
	return &types.SSEDescription{Status: types.SSEStatusEnabled, SSEType: types.SSETypeKms, KMSMasterKeyArn: s.KMSMasterKeyId}
}

func arnOf(d *types.SSEDescription) *string {
	if d == nil {
		return nil
	}
	return d.KMSMasterKeyArn
}
