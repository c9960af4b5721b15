package dynamodbtest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

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
	// After, when set, runs after each call that did what it was asked; an error takes the place of its answer.
	After func(operation string) error
	// Now, when set, is the clock for what may be done so many times a day.
	Now func() time.Time
	// Concurrent, when positive, bounds how many tables may be busy at once, as an account's quota does.
	Concurrent int

	mu     sync.Mutex
	tables map[string]*table
	made   int
	writes []string
	reads  int
}

type table struct {
	description types.TableDescription
	tags        map[string]string
	ttl         types.TimeToLiveDescription
	ttlBusy     bool
	backupDays  int32
	onDemand    []time.Time // when it was switched to that mode
	rekeyed     []time.Time // when its key was changed
}

func fail(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

func limitExceeded(message string) error {
	return &types.LimitExceededException{Message: aws.String("Subscriber limit exceeded: " + message)}
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
	f.tables[name].tags = map[string]string{}
	maps.Copy(f.tables[name].tags, tags)
}

// SetBilling changes a table's mode behind everybody's back; a zero capacity is on demand.
func (f *Fake) SetBilling(name string, read, write int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tables[name].bill(read, write)
}

// Remove deletes a table at once, protected or not.
func (f *Fake) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tables, name)
}

// Describe returns a table as DescribeTable would, nil when there is none.
func (f *Fake) Describe(name string) *types.TableDescription {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, ok := f.tables[name]; ok {
		d := t.description
		return &d
	}
	return nil
}

// BackupDays is for how many days a table can be restored, 0 for not at all.
func (f *Fake) BackupDays(name string) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tables[name].backupDays
}

func (f *Fake) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

func (f *Fake) busy() int {
	n := 0
	for _, t := range f.tables {
		if t.description.TableStatus != types.TableStatusActive {
			n++
		}
	}
	return n
}

// allow counts what may happen four times in 24 hours.
func (f *Fake) allow(times *[]time.Time, what string) error {
	now := f.now()
	*times = slices.DeleteFunc(*times, func(t time.Time) bool { return now.Sub(t) >= 24*time.Hour })
	if len(*times) >= 4 {
		return limitExceeded(what + " is limited to 4 times in 24 hours")
	}
	*times = append(*times, now)
	return nil
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

// leave is what a call answers that did what it was asked.
func (f *Fake) leave(operation string) error {
	if f.After == nil {
		return nil
	}
	return f.After(operation)
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
	return &dynamodb.DescribeTableOutput{Table: &d}, f.leave("DescribeTable")
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
	if f.Concurrent > 0 && f.busy() >= f.Concurrent {
		return nil, limitExceeded("too many tables are created, updated or deleted simultaneously")
	}
	t, err := f.created(in)
	if err != nil {
		return nil, err
	}
	f.tables[*in.TableName] = t
	return &dynamodb.CreateTableOutput{TableDescription: &t.description}, f.leave("CreateTable")
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
	if f.Concurrent > 0 && f.busy() >= f.Concurrent {
		return nil, limitExceeded("too many tables are created, updated or deleted simultaneously")
	}
	if err := f.change(t, in); err != nil {
		return nil, err
	}
	t.description.TableStatus = types.TableStatusUpdating
	return &dynamodb.UpdateTableOutput{}, f.leave("UpdateTable")
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
	return &dynamodb.DeleteTableOutput{}, f.leave("DeleteTable")
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
	return &dynamodb.ListTagsOfResourceOutput{Tags: tags}, f.leave("ListTagsOfResource")
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
	return &dynamodb.TagResourceOutput{}, f.leave("TagResource")
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
	return &dynamodb.UntagResourceOutput{}, f.leave("UntagResource")
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
	return &dynamodb.DescribeTimeToLiveOutput{TimeToLiveDescription: &d}, f.leave("DescribeTimeToLive")
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
	return &dynamodb.UpdateTimeToLiveOutput{}, f.leave("UpdateTimeToLive")
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
	return &dynamodb.DescribeContinuousBackupsOutput{ContinuousBackupsDescription: &types.ContinuousBackupsDescription{PointInTimeRecoveryDescription: p}}, f.leave("DescribeContinuousBackups")
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
	return &dynamodb.UpdateContinuousBackupsOutput{}, f.leave("UpdateContinuousBackups")
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
