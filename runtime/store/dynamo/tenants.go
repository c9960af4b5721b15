package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// A tenant is one item, its claim on an issuer another. What conditions ask for are attributes, the rest is one document, so that a
// release that knows more of it needs no other items.
const (
	attrRecord   = "record"
	attrState    = "state"
	attrRevision = "revision"
	attrPurge    = "purge"
	attrIssuer   = "issuer"
	attrAudience = "audience"

	tenantSK = "RECORD"
	claimSK  = "CLAIM"
)

// maxGet is how many items one BatchGetItem takes.
const maxGet = 100

func tenantKey(t store.Tenant) item { return keyOf("T#"+store.Escape(string(t)), tenantSK) }

// claimKey holds a hash: escaped, the two could be longer than a key may be.
func claimKey(issuer, audience string) item {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(issuer), issuer, audience))
	return keyOf("ISS#"+hex.EncodeToString(sum[:]), claimSK)
}

// Tenants implements store.Tenants.
func (s *Store) Tenants(ctx context.Context, ids ...store.Tenant) ([]store.TenantRecord, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var found []store.TenantRecord
	var unreadable error
	for part := range slices.Chunk(ids, maxGet) {
		keys := make([]item, len(part))
		for i, id := range part {
			keys[i] = tenantKey(id)
		}
		items, err := s.batchGet(ctx, TenantsTable, keys)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			r, err := parseTenant(it)
			if err != nil {
				unreadable = errors.Join(unreadable, err)
				continue
			}
			found = append(found, r)
		}
	}
	return found, errors.Join(unreadable, ctx.Err())
}

// TenantOf implements store.Tenants.
func (s *Store) TenantOf(ctx context.Context, issuer, audience string) (store.Tenant, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: s.table(TenantsTable), Key: claimKey(issuer, audience), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return "", wrap("GetItem", err)
	}
	if text(out.Item, attrTenant) == "" {
		return "", store.ErrNotFound
	}
	return store.Tenant(text(out.Item, attrTenant)), nil
}

// PutTenant implements store.Tenants.
func (s *Store) PutTenant(ctx context.Context, r store.TenantRecord, from store.Tenant) (store.TenantRecord, error) {
	if err := r.Check(); err != nil {
		return r, err
	}
	before, err := s.stored(ctx, r)
	if err != nil {
		return r, err
	}
	record, condition, err := tenantItem(r)
	if err != nil {
		return r, err
	}
	claim := claimKey(r.Issuer.URL, r.Issuer.Audience)
	claim[attrTenant], claim[attrIssuer], claim[attrAudience] = str(string(r.Tenant)), str(r.Issuer.URL), str(r.Issuer.Audience)
	allowed := item{":me": str(string(r.Tenant))}
	free := "attribute_not_exists(" + attrPK + ") OR #tenant = :me"
	if from != "" {
		free += " OR #tenant = :from"
		allowed[":from"] = str(string(from))
	}
	items := []types.TransactWriteItem{
		{Put: &types.Put{TableName: s.table(TenantsTable), Item: record, ConditionExpression: aws.String(condition.expression),
			ExpressionAttributeNames: condition.names, ExpressionAttributeValues: condition.values}},
		{Put: &types.Put{TableName: s.table(TenantsTable), Item: claim, ConditionExpression: aws.String(free),
			ExpressionAttributeNames: placeholders(attrTenant), ExpressionAttributeValues: allowed}},
	}
	if before != nil && !before.Issuer.Claims(r.Issuer) {
		release, err := s.releaseClaim(ctx, *before)
		if err != nil {
			return r, err
		}
		items = append(items, release...)
	}
	if err := s.transact(ctx, items, map[int]error{0: store.ErrChanged, 1: store.ErrClaimed}); err != nil {
		return r, err
	}
	r.Revision++
	r.Purge = store.PurgeProgress{}
	return r, nil
}

// RemoveTenant implements store.Tenants.
func (s *Store) RemoveTenant(ctx context.Context, r store.TenantRecord) error {
	before, err := s.stored(ctx, r)
	if err != nil {
		return err
	}
	if before == nil {
		return store.ErrChanged
	}
	release, err := s.releaseClaim(ctx, *before)
	if err != nil {
		return err
	}
	c := atRevision(r.Revision)
	items := append([]types.TransactWriteItem{{Delete: &types.Delete{
		TableName: s.table(TenantsTable), Key: tenantKey(r.Tenant), ConditionExpression: aws.String(c.expression),
		ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}}}, release...)
	return s.transact(ctx, items, map[int]error{0: store.ErrChanged})
}

// NotePurge implements store.Tenants.
func (s *Store) NotePurge(ctx context.Context, t store.Tenant, p store.PurgeProgress) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("%w: encode progress: %w", store.ErrInvalid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err = s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: s.table(TenantsTable), Key: tenantKey(t),
		UpdateExpression:         aws.String("SET #purge = :purge"),
		ConditionExpression:      aws.String("#state = :deleting"),
		ExpressionAttributeNames: placeholders(attrPurge, attrState),
		ExpressionAttributeValues: item{
			":purge": str(string(data)), ":deleting": str(string(store.TenantDeleting)),
		},
	})
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		return store.ErrNotFound
	}
	return wrap("UpdateItem", err)
}

// stored returns the record as it is, nil when there is none, or ErrChanged when it is not of r's revision.
func (s *Store) stored(ctx context.Context, r store.TenantRecord) (*store.TenantRecord, error) {
	found, err := s.Tenants(ctx, r.Tenant)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 && r.Revision == 0:
		return nil, nil
	case len(found) == 0 || found[0].Revision != r.Revision:
		return nil, store.ErrChanged
	}
	return &found[0], nil
}

// releaseClaim gives the record's issuer back, if it still is the record's: it may have been taken over.
func (s *Store) releaseClaim(ctx context.Context, r store.TenantRecord) ([]types.TransactWriteItem, error) {
	owner, err := s.TenantOf(ctx, r.Issuer.URL, r.Issuer.Audience)
	if errors.Is(err, store.ErrNotFound) || err == nil && owner != r.Tenant {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []types.TransactWriteItem{{Delete: &types.Delete{
		TableName: s.table(TenantsTable), Key: claimKey(r.Issuer.URL, r.Issuer.Audience),
		ConditionExpression:       aws.String("#tenant = :me"),
		ExpressionAttributeNames:  placeholders(attrTenant),
		ExpressionAttributeValues: item{":me": str(string(r.Tenant))},
	}}}, nil
}

// condition is an expression with what it needs.
type condition struct {
	expression string
	names      map[string]string
	values     item
}

func atRevision(n uint64) condition {
	if n == 0 {
		return condition{expression: notTaken}
	}
	return condition{expression: "#revision = :revision", names: placeholders(attrRevision), values: item{":revision": num(n)}}
}

// tenantItem is the record at its next revision, and the condition that it is still at this one.
func tenantItem(r store.TenantRecord) (item, condition, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, condition{}, fmt.Errorf("%w: encode tenant: %w", store.ErrInvalid, err)
	}
	it := tenantKey(r.Tenant)
	it[attrTenant], it[attrState], it[attrRecord] = str(string(r.Tenant)), str(string(r.State)), str(string(data))
	it[attrRevision] = num(r.Revision + 1)
	return it, atRevision(r.Revision), nil
}

// parseTenant reverts tenantItem.
func parseTenant(it item) (store.TenantRecord, error) {
	var r store.TenantRecord
	if err := json.Unmarshal([]byte(text(it, attrRecord)), &r); err != nil {
		return r, fmt.Errorf("%w: tenant %q", errBroken, text(it, attrTenant))
	}
	if p := text(it, attrPurge); p != "" {
		if err := json.Unmarshal([]byte(p), &r.Purge); err != nil {
			return r, fmt.Errorf("%w: purge of tenant %q", errBroken, text(it, attrTenant))
		}
	}
	r.Tenant = store.Tenant(text(it, attrTenant))
	return r, numbers(it, map[string]*uint64{attrRevision: &r.Revision})
}
