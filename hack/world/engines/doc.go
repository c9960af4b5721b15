// Package engines declares the processes that stand for the managed services of AWS: PostgreSQL (Aurora), Redis
// (ElastiCache), Kafka (MSK), DynamoDB Local, and two small servers of ours, the push sink and the token issuer.
//
// It only declares: the supervisor runs. Data lives below the world's state folder and survives `down`; Redis alone
// keeps nothing, as the product never relies on what it holds.
package engines
