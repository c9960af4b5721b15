// Package paired compares states that are measured in turns: in which order the turns come, and what a difference between two states is worth.
package paired
