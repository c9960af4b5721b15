package dynamodb

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

const service = "DynamoDB"

// defaultBackupDays is for how many days a table can be restored when nothing was said.
const defaultBackupDays = 35

// Missing is the state of a table that does not exist, beside DynamoDB's own.
const Missing = "MISSING"

// Features that an engine in DynamoDB's place may not have.
const (
	FeatureTags                = "Tags"
	FeatureTimeToLive          = "TimeToLive"
	FeaturePointInTimeRecovery = "PointInTimeRecovery"
)

// Observed is what a table is like.
type Observed struct {
	// State is DynamoDB's TableStatus, or Missing.
	State string
	ARN   string
	// ID is DynamoDB's id of the table, empty where an engine stands in for DynamoDB.
	ID string
	// Keys are the primary key's attributes, hash first, with their types.
	Keys []Attribute
	// Indexes are the global secondary indexes and their provisioned capacity.
	Indexes map[string]Capacity
	Billing Billing
	// KMSKeyARN is empty while AWS's own key encrypts the table.
	KMSKeyARN          string
	DeletionProtection bool
	Tags               map[string]string
	// TTL is DynamoDB's TimeToLiveStatus; TTLAttribute is set unless it is DISABLED.
	TTL          string
	TTLAttribute string
	// BackupDays is for how many days the table can be restored, 0 for not at all.
	BackupDays int32
	// Unsupported are the features that this endpoint does not have.
	Unsupported []string
}

// Attribute is a key attribute.
type Attribute struct {
	Name, Type string
}

// Supports tells whether the endpoint has a feature.
func (o Observed) Supports(feature string) bool { return !slices.Contains(o.Unsupported, feature) }

// Observe finds out what a table is like. It changes nothing. replaced says that the endpoint is not the Region's own: only
// then is an unknown operation a fact, and not an error.
func Observe(ctx context.Context, api API, name string, replaced bool) (Observed, error) {
	out, err := api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(name)})
	var notFound *types.ResourceNotFoundException
	if errors.As(err, &notFound) {
		return Observed{State: Missing}, nil
	}
	if err != nil {
		return Observed{}, fault.AWS(service, "describe table "+name, err)
	}
	o := described(out.Table)
	if replaced {
		// An engine may make up another one each time it starts.
		o.ID = ""
	}
	unsupported := func(feature string, err error) (bool, error) {
		if replaced && fault.Code(err) == "UnknownOperationException" {
			o.Unsupported = append(o.Unsupported, feature)
			return true, nil
		}
		// The table may have gone since it was described.
		if errors.As(err, &notFound) {
			return true, nil
		}
		return false, err
	}

	o.Tags, err = tags(ctx, api, o.ARN)
	if errors.As(err, &notFound) {
		// Without its tags it would look like nobody's.
		return Observed{State: Missing}, nil
	}
	if err != nil {
		if known, err := unsupported(FeatureTags, err); !known {
			return Observed{}, fault.AWS(service, "list tags of table "+name, err)
		}
	}
	if o.State == stateCreating || o.State == stateDeleting {
		return o, nil
	}
	ttl, err := api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(name)})
	if err != nil {
		if known, err := unsupported(FeatureTimeToLive, err); !known {
			return Observed{}, fault.AWS(service, "describe time to live of table "+name, err)
		}
	} else if d := ttl.TimeToLiveDescription; d != nil {
		o.TTL, o.TTLAttribute = string(d.TimeToLiveStatus), aws.ToString(d.AttributeName)
	}
	backups, err := api.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: aws.String(name)})
	if err != nil {
		if known, err := unsupported(FeaturePointInTimeRecovery, err); !known {
			return Observed{}, fault.AWS(service, "describe backups of table "+name, err)
		}
	} else if d := backups.ContinuousBackupsDescription; d != nil && d.PointInTimeRecoveryDescription != nil {
		if p := d.PointInTimeRecoveryDescription; p.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled {
			// An engine that does not say has DynamoDB's default.
			if o.BackupDays = aws.ToInt32(p.RecoveryPeriodInDays); o.BackupDays == 0 {
				o.BackupDays = defaultBackupDays
			}
		}
	}
	return o, nil
}

func described(t *types.TableDescription) Observed {
	o := Observed{
		State:              string(t.TableStatus),
		ARN:                aws.ToString(t.TableArn),
		ID:                 aws.ToString(t.TableId),
		DeletionProtection: aws.ToBool(t.DeletionProtectionEnabled),
		Billing:            observedBilling(t),
		Indexes:            map[string]Capacity{},
	}
	if sse := t.SSEDescription; sse != nil && sse.Status != types.SSEStatusDisabled {
		o.KMSKeyARN = aws.ToString(sse.KMSMasterKeyArn)
		if o.State == stateActive && (sse.Status == types.SSEStatusEnabling || sse.Status == types.SSEStatusDisabling || sse.Status == types.SSEStatusUpdating) {
			o.State = stateUpdating
		}
	}
	typeOf := map[string]string{}
	for _, a := range t.AttributeDefinitions {
		typeOf[aws.ToString(a.AttributeName)] = string(a.AttributeType)
	}
	for _, k := range t.KeySchema {
		name := aws.ToString(k.AttributeName)
		o.Keys = append(o.Keys, Attribute{name, typeOf[name]})
	}
	for _, i := range t.GlobalSecondaryIndexes {
		o.Indexes[aws.ToString(i.IndexName)] = capacityOf(i.ProvisionedThroughput)
		// A table whose index is being built is ACTIVE, and a query of that index fails.
		if o.State == stateActive && i.IndexStatus != "" && i.IndexStatus != types.IndexStatusActive {
			o.State = stateUpdating
		}
	}
	return o
}

func tags(ctx context.Context, api API, arn string) (map[string]string, error) {
	found := map[string]string{}
	var next *string
	for {
		out, err := api.ListTagsOfResource(ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: aws.String(arn), NextToken: next})
		if err != nil {
			return nil, err
		}
		for _, t := range out.Tags {
			found[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		if next = out.NextToken; next == nil {
			return found, nil
		}
	}
}
