// Package judge is what the processors' detectors are measured with: messages of many senders, some of them bad and known to be, and how fast a detector
// judges them, by the clock and by the CPU that it takes.
package judge
