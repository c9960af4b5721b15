// Package dynamodbtest is a DynamoDB in memory that enforces the rules of tables that DynamoDB Local forgives: a new table
// is CREATING until Settle, a changed one UPDATING; a busy table refuses changes; time to live and backups are refused
// until a table is ACTIVE; a second change of the time to live within the hour is refused; a protected table is not deleted;
// one UpdateTable changes one thing, and names nothing that does not change; a capacity goes with its billing mode, for the table and
// every index; the billing mode is switched to on demand, and the key changed, four times in 24 hours; an account has only so many
// busy tables at once.
//
// It holds no items. It is safe for concurrent use.
package dynamodbtest
