// Package progress is how far consumer groups have come in a topic, and whether that fits what their processes were made to do.
package progress
