// Package dynamodb keeps DynamoDB tables as a ChatCluster wants them: observe, create, update, delete, release.
//
// Observing never changes anything. Next is pure: from what is wanted and what is there it chooses the one step that
// DynamoDB allows now, in the order that works (tags, then waiting until the table is ACTIVE, time to live, deletion
// protection, point-in-time recovery, indexes). Do makes that step and returns at once. Whoever calls comes back later:
// nothing here waits.
//
// Invariants: a table that does not carry the owner's tag is never changed, unless the user asked to adopt tables that
// nobody owns; one that carries another's tag never is. Every step may be repeated.
//
// An engine in DynamoDB's place (aws.endpoints.dynamoDB) may know no tags and no backups. What it refuses as an unknown
// operation is reported in Observed.Unsupported; with no tags to tell, its tables are the ChatCluster's by their prefix.
package dynamodb
