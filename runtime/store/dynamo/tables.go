package dynamo

import "slices"

// KeyType is the type of a key attribute.
type KeyType string

// Types of key attributes, in DynamoDB's letters.
const (
	String KeyType = "S"
	Number KeyType = "N"
)

// Key is an attribute of a primary key.
type Key struct {
	Name string
	Type KeyType
}

// Index is a global secondary index.
type Index struct {
	Name       string
	Hash       Key
	Range      Key
	Projection string
}

// Table is what a table must be. The operator makes it so; the runtime counts on it.
type Table struct {
	// Name comes after the cluster's table prefix.
	Name    string
	Hash    Key
	Range   *Key
	Indexes []Index
	// TTLAttribute is the attribute that holds the expiry in Unix seconds, empty when items do not expire.
	TTLAttribute string
}

// Names of the tables, after the prefix.
const (
	LogTable           = "log"
	ConversationsTable = "conversations"
	MembershipsTable   = "memberships"
	DevicesTable       = "devices"
	TenantsTable       = "tenants"
	RevocationsTable   = "revocations"
)

// OutboxIndex is the sparse index of the batches that Kafka is owed.
const OutboxIndex = "outbox"

// Names of the attributes that tables and items share.
const (
	attrPK        = "pk"
	attrSK        = "sk"
	attrExpiresAt = "expires_at"
	attrOutbox    = "outbox"
)

// Tables returns the tables of a cluster, always in the same order.
func Tables() []Table {
	pk, sk := Key{attrPK, String}, Key{attrSK, String}
	return slices.Clone([]Table{
		{
			Name: LogTable, Hash: pk, Range: &Key{attrSK, Number}, TTLAttribute: attrExpiresAt,
			Indexes: []Index{{Name: OutboxIndex, Hash: Key{attrOutbox, Number}, Range: pk, Projection: "ALL"}},
		},
		{Name: ConversationsTable, Hash: pk, Range: &sk},
		{Name: MembershipsTable, Hash: pk, Range: &sk},
		{Name: DevicesTable, Hash: pk, Range: &sk},
		{Name: TenantsTable, Hash: pk, Range: &sk},
		{Name: RevocationsTable, Hash: pk, Range: &sk, TTLAttribute: attrExpiresAt},
	})
}

// FullName returns the table's name in the account.
func FullName(prefix, name string) string { return prefix + name }
