package dynamodbtest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	external "github.com/chatcluster/chatcluster/controllers/external/dynamodb"
)

var _ external.API = (*Fake)(nil)

// Fake is the DynamoDB. The zero value is empty and ready to use.
type Fake struct {
	// Before, when set, runs before each call with the operation's name; an error is the call's answer.
	Before func(operation string) error

	mu     sync.Mutex
	tables map[string]*table
	writes []string
	reads  int
}

type table struct {
	description types.TableDescription
	tags        map[string]string
	ttl         types.TimeToLiveDescription
	ttlBusy     bool
	backupDays  int32
}

func fail(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

func inUse(name string) error {
	return &types.ResourceInUseException{Message: aws.String("table is busy: " + name)}
}

func notFound(name string) error {
	return &types.ResourceNotFoundException{Message: aws.String("table not found: " + name)}
}

// Settle ends what is under way: CREATING and UPDATING tables become ACTIVE, DELETING ones go. A change of the time to live
// takes effect, and another may follow.
func (f *Fake) Settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, t := range f.tables {
		switch t.description.TableStatus {
		case types.TableStatusDeleting:
			delete(f.tables, name)
		case types.TableStatusCreating, types.TableStatusUpdating:
			t.description.TableStatus = types.TableStatusActive
		}
		t.ttlBusy = false
		switch t.ttl.TimeToLiveStatus {
		case types.TimeToLiveStatusEnabling:
			t.ttl.TimeToLiveStatus = types.TimeToLiveStatusEnabled
		case types.TimeToLiveStatusDisabling:
			t.ttl = types.TimeToLiveDescription{TimeToLiveStatus: types.TimeToLiveStatusDisabled}
		}
	}
}

// Writes returns the calls that change something, in order, as "Operation table".
func (f *Fake) Writes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.writes)
}

// Reads returns how many calls changed nothing.
func (f *Fake) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// Names returns the tables that exist, sorted.
func (f *Fake) Names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.tables))
}

// Tags returns a copy of a table's tags, nil when there is no such table.
func (f *Fake) Tags(name string) map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, ok := f.tables[name]; ok {
		return maps.Clone(t.tags)
	}
	return nil
}

// SetTags replaces a table's tags behind everybody's back.
func (f *Fake) SetTags(name string, tags map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tables[name].tags = maps.Clone(tags)
}

func (f *Fake) enter(operation, name string, write bool) (func(), error) {
	if f.Before != nil {
		if err := f.Before(operation); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	if f.tables == nil {
		f.tables = map[string]*table{}
	}
	if write {
		f.writes = append(f.writes, operation+" "+name)
	} else {
		f.reads++
	}
	return f.mu.Unlock, nil
}

const arnPrefix = "arn:aws:dynamodb:us-east-1:000000000000:table/"

// DescribeTable implements API.
func (f *Fake) DescribeTable(_ context.Context, in *dynamodb.DescribeTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	leave, err := f.enter("DescribeTable", *in.TableName, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, ok := f.tables[*in.TableName]
	if !ok {
		return nil, notFound(*in.TableName)
	}
	d := t.description
	return &dynamodb.DescribeTableOutput{Table: &d}, nil
}

// CreateTable implements API.
func (f *Fake) CreateTable(_ context.Context, in *dynamodb.CreateTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error) {
	leave, err := f.enter("CreateTable", *in.TableName, true)
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, ok := f.tables[*in.TableName]; ok {
		return nil, inUse(*in.TableName)
	}
	used := map[string]bool{}
	for _, k := range in.KeySchema {
		used[*k.AttributeName] = true
	}
	var indexes []types.GlobalSecondaryIndexDescription
	for _, i := range in.GlobalSecondaryIndexes {
		for _, k := range i.KeySchema {
			used[*k.AttributeName] = true
		}
		indexes = append(indexes, types.GlobalSecondaryIndexDescription{IndexName: i.IndexName, KeySchema: i.KeySchema})
	}
	if len(used) != len(in.AttributeDefinitions) {
		return nil, fail("ValidationException", "the attribute definitions must be exactly those of the keys")
	}
	t := &table{tags: map[string]string{}, ttl: types.TimeToLiveDescription{TimeToLiveStatus: types.TimeToLiveStatusDisabled}}
	t.description = types.TableDescription{
		TableName: in.TableName, TableArn: aws.String(arnPrefix + *in.TableName), TableStatus: types.TableStatusCreating,
		KeySchema: in.KeySchema, AttributeDefinitions: in.AttributeDefinitions, GlobalSecondaryIndexes: indexes,
		DeletionProtectionEnabled: in.DeletionProtectionEnabled,
	}
	for _, tag := range in.Tags {
		t.tags[*tag.Key] = *tag.Value
	}
	f.tables[*in.TableName] = t
	return &dynamodb.CreateTableOutput{TableDescription: &t.description}, nil
}

// UpdateTable implements API.
func (f *Fake) UpdateTable(_ context.Context, in *dynamodb.UpdateTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateTableOutput, error) {
	leave, err := f.enter("UpdateTable", *in.TableName, true)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, err := f.idle(*in.TableName)
	if err != nil {
		return nil, err
	}
	changes := len(in.GlobalSecondaryIndexUpdates)
	if in.DeletionProtectionEnabled != nil {
		changes++
	}
	if changes != 1 {
		return nil, fail("ValidationException", "one change at a time")
	}
	if in.DeletionProtectionEnabled != nil {
		t.description.DeletionProtectionEnabled = in.DeletionProtectionEnabled
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if u.Create != nil {
			t.description.GlobalSecondaryIndexes = append(t.description.GlobalSecondaryIndexes,
				types.GlobalSecondaryIndexDescription{IndexName: u.Create.IndexName, KeySchema: u.Create.KeySchema})
		}
	}
	t.description.TableStatus = types.TableStatusUpdating
	return &dynamodb.UpdateTableOutput{}, nil
}

// DeleteTable implements API.
func (f *Fake) DeleteTable(_ context.Context, in *dynamodb.DeleteTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteTableOutput, error) {
	leave, err := f.enter("DeleteTable", *in.TableName, true)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, ok := f.tables[*in.TableName]
	if ok && t.description.TableStatus == types.TableStatusDeleting {
		return &dynamodb.DeleteTableOutput{}, nil
	}
	if t, err = f.idle(*in.TableName); err != nil {
		return nil, err
	}
	if aws.ToBool(t.description.DeletionProtectionEnabled) {
		return nil, fail("ValidationException", "the table is protected against deletion")
	}
	t.description.TableStatus = types.TableStatusDeleting
	return &dynamodb.DeleteTableOutput{}, nil
}

// ListTagsOfResource implements API.
func (f *Fake) ListTagsOfResource(_ context.Context, in *dynamodb.ListTagsOfResourceInput, _ ...func(*dynamodb.Options)) (*dynamodb.ListTagsOfResourceOutput, error) {
	leave, err := f.enter("ListTagsOfResource", *in.ResourceArn, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, ok := f.tables[(*in.ResourceArn)[len(arnPrefix):]]
	if !ok {
		return nil, notFound(*in.ResourceArn)
	}
	var tags []types.Tag
	for _, k := range slices.Sorted(maps.Keys(t.tags)) {
		tags = append(tags, types.Tag{Key: aws.String(k), Value: aws.String(t.tags[k])})
	}
	return &dynamodb.ListTagsOfResourceOutput{Tags: tags}, nil
}

// TagResource implements API.
func (f *Fake) TagResource(_ context.Context, in *dynamodb.TagResourceInput, _ ...func(*dynamodb.Options)) (*dynamodb.TagResourceOutput, error) {
	leave, err := f.enter("TagResource", (*in.ResourceArn)[len(arnPrefix):], true)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, err := f.idle((*in.ResourceArn)[len(arnPrefix):])
	if err != nil {
		return nil, err
	}
	for _, tag := range in.Tags {
		t.tags[*tag.Key] = *tag.Value
	}
	return &dynamodb.TagResourceOutput{}, nil
}

// UntagResource implements API.
func (f *Fake) UntagResource(_ context.Context, in *dynamodb.UntagResourceInput, _ ...func(*dynamodb.Options)) (*dynamodb.UntagResourceOutput, error) {
	leave, err := f.enter("UntagResource", (*in.ResourceArn)[len(arnPrefix):], true)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, err := f.idle((*in.ResourceArn)[len(arnPrefix):])
	if err != nil {
		return nil, err
	}
	for _, k := range in.TagKeys {
		delete(t.tags, k)
	}
	return &dynamodb.UntagResourceOutput{}, nil
}

// DescribeTimeToLive implements API.
func (f *Fake) DescribeTimeToLive(_ context.Context, in *dynamodb.DescribeTimeToLiveInput, _ ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error) {
	leave, err := f.enter("DescribeTimeToLive", *in.TableName, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, ok := f.tables[*in.TableName]
	if !ok {
		return nil, notFound(*in.TableName)
	}
	d := t.ttl
	return &dynamodb.DescribeTimeToLiveOutput{TimeToLiveDescription: &d}, nil
}

// UpdateTimeToLive implements API.
func (f *Fake) UpdateTimeToLive(_ context.Context, in *dynamodb.UpdateTimeToLiveInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error) {
	leave, err := f.enter("UpdateTimeToLive", *in.TableName, true)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, err := f.idle(*in.TableName)
	if err != nil {
		return nil, err
	}
	enabled := aws.ToBool(in.TimeToLiveSpecification.Enabled)
	switch {
	case t.ttlBusy:
		return nil, fail("ValidationException", "time to live has been modified multiple times within a fixed interval")
	case enabled == (t.ttl.TimeToLiveStatus == types.TimeToLiveStatusEnabled):
		return nil, fail("ValidationException", "time to live is already as asked")
	}
	t.ttlBusy = true
	t.ttl = types.TimeToLiveDescription{AttributeName: in.TimeToLiveSpecification.AttributeName, TimeToLiveStatus: types.TimeToLiveStatusDisabling}
	if enabled {
		t.ttl.TimeToLiveStatus = types.TimeToLiveStatusEnabling
	}
	return &dynamodb.UpdateTimeToLiveOutput{}, nil
}

// DescribeContinuousBackups implements API.
func (f *Fake) DescribeContinuousBackups(_ context.Context, in *dynamodb.DescribeContinuousBackupsInput, _ ...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error) {
	leave, err := f.enter("DescribeContinuousBackups", *in.TableName, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, ok := f.tables[*in.TableName]
	if !ok {
		return nil, notFound(*in.TableName)
	}
	p := &types.PointInTimeRecoveryDescription{PointInTimeRecoveryStatus: types.PointInTimeRecoveryStatusDisabled}
	if t.backupDays > 0 {
		p.PointInTimeRecoveryStatus, p.RecoveryPeriodInDays = types.PointInTimeRecoveryStatusEnabled, aws.Int32(t.backupDays)
	}
	return &dynamodb.DescribeContinuousBackupsOutput{ContinuousBackupsDescription: &types.ContinuousBackupsDescription{PointInTimeRecoveryDescription: p}}, nil
}

// UpdateContinuousBackups implements API.
func (f *Fake) UpdateContinuousBackups(_ context.Context, in *dynamodb.UpdateContinuousBackupsInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateContinuousBackupsOutput, error) {
	leave, err := f.enter("UpdateContinuousBackups", *in.TableName, true)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, err := f.idle(*in.TableName)
	if err != nil {
		return nil, err
	}
	days := aws.ToInt32(in.PointInTimeRecoverySpecification.RecoveryPeriodInDays)
	if aws.ToBool(in.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled) {
		if days < 1 || days > 35 {
			return nil, fail("ValidationException", "the recovery period is 1 to 35 days")
		}
		t.backupDays = days
	} else {
		t.backupDays = 0
	}
	return &dynamodb.UpdateContinuousBackupsOutput{}, nil
}

// idle returns a table that may be changed now.
func (f *Fake) idle(name string) (*table, error) {
	t, ok := f.tables[name]
	if !ok {
		return nil, notFound(name)
	}
	if t.description.TableStatus != types.TableStatusActive {
		return nil, inUse(name)
	}
	return t, nil
}
