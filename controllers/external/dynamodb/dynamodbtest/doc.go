// Package dynamodbtest is a DynamoDB in memory that enforces the rules of tables that DynamoDB Local forgives: a new table
// is CREATING until Settle, a changed one UPDATING; a busy table refuses changes; time to live and backups are refused
// until a table is ACTIVE; a second change of the time to live within the hour is refused; a protected table is not deleted;
// one UpdateTable changes one thing.
//
// It holds no items. It is safe for concurrent use.
package dynamodbtest
