// Package dynamo keeps the store in DynamoDB, and declares the tables that the operator makes for it.
package dynamo
