// Package moderate judges messages: it reads the log, asks a detector, and says verdicts.
package moderate
