// Command shouting is a processor of somebody's own: it flags messages that shout. It is docs/processors.md in Go, with no more of
// ChatCluster than the two generated protobuf packages, and it is tested against ChatCluster's own ends of the topics.
//
//	shouting kafka.example:9092 chat.demo.
//
// Its arguments are the brokers and the topic prefix. One goroutine reads, says and commits, in this order; it ends with the process.
package main
