// Package operator is the operator's process for O1 to O3: the real manager with strict fakes of AWS and Kafka in its memory, and a private
// port that tells what it has asked for. It ends with its context.
package operator
