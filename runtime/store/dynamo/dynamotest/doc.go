// Package dynamotest makes the tables for tests against a real engine. In production the operator makes them.
package dynamotest
