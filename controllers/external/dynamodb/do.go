package dynamodb

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// Do makes one step and returns at once. That DynamoDB is busy, or that somebody else made the step meanwhile, is no error:
// the next observation tells.
func Do(ctx context.Context, api API, w Wanted, o Observed, step Step) error {
	err := do(ctx, api, w, o, step)
	var inUse *types.ResourceInUseException
	var notFound *types.ResourceNotFoundException
	var notYet *types.ContinuousBackupsUnavailableException
	if errors.As(err, &inUse) || errors.As(err, &notFound) || errors.As(err, &notYet) {
		return nil
	}
	return fault.AWS(service, string(step)+" of table "+w.Name, err)
}

func do(ctx context.Context, api API, w Wanted, o Observed, step Step) (err error) {
	name := aws.String(w.Name)
	switch step {
	case Create:
		_, err = api.CreateTable(ctx, createInput(w))
	case Tag:
		_, err = api.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: aws.String(o.ARN), Tags: tagList(missingTags(w, o))})
	case RemoveOwnerTags:
		_, err = api.UntagResource(ctx, &dynamodb.UntagResourceInput{ResourceArn: aws.String(o.ARN), TagKeys: ownership.Keys()})
	case EnableTTL:
		_, err = api.UpdateTimeToLive(ctx, ttlInput(w.Name, w.Table.TTLAttribute, true))
	case DisableTTL:
		_, err = api.UpdateTimeToLive(ctx, ttlInput(w.Name, o.TTLAttribute, false))
	case SetEncryption:
		_, err = api.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: name, SSESpecification: encryption(w.KMSKeyARN)})
	case SetBillingMode:
		_, err = api.UpdateTable(ctx, modeInput(w, o))
	case SetThroughput:
		_, err = api.UpdateTable(ctx, throughputInput(w, o))
	case SetProtection:
		_, err = api.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: name, DeletionProtectionEnabled: aws.Bool(w.DeletionProtection)})
	case Unprotect:
		_, err = api.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: name, DeletionProtectionEnabled: aws.Bool(false)})
	case SetBackups:
		_, err = api.UpdateContinuousBackups(ctx, backupsInput(w))
	case CreateIndex:
		if i, missing := missingIndex(w, o); missing {
			_, err = api.UpdateTable(ctx, indexInput(w, o, i))
		}
	case Delete:
		_, err = api.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: name})
	case Done, Wait:
	}
	return err
}

// createInput has everything that DynamoDB takes at creation: time to live and backups follow once the table is ACTIVE.
func createInput(w Wanted) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName:                 aws.String(w.Name),
		BillingMode:               mode(w.Billing),
		ProvisionedThroughput:     provisioned(w.Billing),
		OnDemandThroughput:        initialLimits(w.Billing),
		DeletionProtectionEnabled: aws.Bool(w.DeletionProtection),
		KeySchema:                 keySchema(w.Table.Hash, w.Table.Range),
		AttributeDefinitions:      attributes(w.Table),
		Tags:                      tagList(allTags(w)),
	}
	if w.KMSKeyARN != "" {
		in.SSESpecification = encryption(w.KMSKeyARN)
	}
	for _, i := range w.Table.Indexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  aws.String(i.Name),
			KeySchema:  keySchema(i.Hash, &i.Range),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(i.Projection)},

			ProvisionedThroughput: provisioned(w.Billing),
		})
	}
	return in
}

func indexInput(w Wanted, o Observed, i dynamo.Index) *dynamodb.UpdateTableInput {
	return &dynamodb.UpdateTableInput{
		TableName:            aws.String(w.Name),
		AttributeDefinitions: attributes(w.Table),
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName:  aws.String(i.Name),
			KeySchema:  keySchema(i.Hash, &i.Range),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(i.Projection)},

			ProvisionedThroughput: provisioned(o.Billing),
		}}},
	}
}

// encryption is by a key of the user's, or by the one that AWS owns.
func encryption(keyARN string) *types.SSESpecification {
	if keyARN == "" {
		return &types.SSESpecification{Enabled: aws.Bool(false)}
	}
	return &types.SSESpecification{Enabled: aws.Bool(true), SSEType: types.SSETypeKms, KMSMasterKeyId: aws.String(keyARN)}
}

func ttlInput(table, attribute string, enabled bool) *dynamodb.UpdateTimeToLiveInput {
	return &dynamodb.UpdateTimeToLiveInput{
		TableName:               aws.String(table),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(attribute), Enabled: aws.Bool(enabled)},
	}
}

func backupsInput(w Wanted) *dynamodb.UpdateContinuousBackupsInput {
	spec := &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(w.BackupDays > 0)}
	if w.BackupDays > 0 {
		spec.RecoveryPeriodInDays = aws.Int32(w.BackupDays)
	}
	return &dynamodb.UpdateContinuousBackupsInput{TableName: aws.String(w.Name), PointInTimeRecoverySpecification: spec}
}

func keySchema(hash dynamo.Key, rng *dynamo.Key) []types.KeySchemaElement {
	schema := []types.KeySchemaElement{{AttributeName: aws.String(hash.Name), KeyType: types.KeyTypeHash}}
	if rng != nil {
		schema = append(schema, types.KeySchemaElement{AttributeName: aws.String(rng.Name), KeyType: types.KeyTypeRange})
	}
	return schema
}

// attributes are those of the primary key and of the indexes' keys, each once: DynamoDB refuses others.
func attributes(t dynamo.Table) []types.AttributeDefinition {
	var defs []types.AttributeDefinition
	add := func(k dynamo.Key) {
		if !slices.ContainsFunc(defs, func(d types.AttributeDefinition) bool { return *d.AttributeName == k.Name }) {
			defs = append(defs, types.AttributeDefinition{AttributeName: aws.String(k.Name), AttributeType: types.ScalarAttributeType(k.Type)})
		}
	}
	add(t.Hash)
	if t.Range != nil {
		add(*t.Range)
	}
	for _, i := range t.Indexes {
		add(i.Hash)
		add(i.Range)
	}
	return defs
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, k := range sortedKeys(tags) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
