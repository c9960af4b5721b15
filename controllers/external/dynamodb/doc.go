// Package dynamodb keeps DynamoDB tables as a ChatCluster wants them: observe, create, update, delete, release.
//
// Observing never changes anything. Next is pure: from what is wanted and what is there it chooses the one step that
// DynamoDB allows now, in the order that works (tags, then waiting until the table is ACTIVE, time to live, encryption,
// billing mode, deletion protection, point-in-time recovery, throughput, indexes). Do makes that step and returns at once.
// Whoever calls comes back later: nothing here waits. A step that AWS refuses for hours (four changes of the billing mode in
// 24 hours) is held back by the caller, and the others go on.
//
// Invariants: a table that does not carry the owner's tag is never changed, unless the user asked to adopt tables that
// nobody owns; one that carries another's tag never is. A table whose id is not the known one is left as it is, and one that
// is gone is not made anew, unless the user asked for it: an empty table would hide the loss. Every step may be repeated.
//
// An engine in DynamoDB's place (aws.endpoints.dynamoDB) may know no tags and no backups. What it refuses as an unknown
// operation is reported in Observed.Unsupported; with no tags to tell, its tables are the ChatCluster's by their prefix.
package dynamodb
