// Package eventlog is Kafka: the topics, the producer and the consumer group loop.
//
// # Producer
//
// Publishing never blocks: a full buffer is an error at once, and every publication ends in exactly one call of its
// callback, within a bounded time. Callbacks run one at a time on the client's goroutine and must return quickly. A record
// whose callback reported an error may still reach the topic: publish it again, consumers go by seq. Records of one key go
// to one partition, in the order in which they were published, as long as none of them fails.
//
// A record's headers say which conversation it is about, which seqs a batch holds, and which trace it belongs to.
//
// # Consumer
//
// One goroutine polls and never works; each assigned partition has one worker, which hands its records to the handler in
// order. A record is complete when the handler returned nil or, with Deferred, when the handler called its Done. Committed
// is only what lies below the lowest record that is not complete, so a crash repeats work and skips none. A handler's error
// is retried for as long as it takes. A record that cannot be decoded goes to the group's dead-letter topic, and counts as
// complete once that topic has accepted it; a handler sends there what it cannot process by Record.Reject.
//
// A partition with MaxPending records taken but not complete is paused until half of them are: what the loop holds in
// memory is bounded, by partition.
//
// # Lifecycle
//
// Run owns every goroutine of the consumer and returns when its context has ended, workers have stopped and offsets are
// committed. When a partition moves away, its worker gets RevokeTimeout to finish the call it is in, then that call's
// context ends; completions that come after that are ignored, so that a late commit never rewinds the next owner's.
// Close of the producer flushes for as long as its context allows and fails what is left.
package eventlog
