package paired

import "slices"

// Order returns the turns of a block: every state once, and then the same backwards, so that what drifts during a block falls on every state alike. Each
// block begins with the next state, so that over as many blocks as there are states each has stood first, in the middle and last.
func Order[T any](states []T, block int) []T {
	by := block % len(states)
	there := slices.Concat(states[by:], states[:by])
	back := slices.Clone(there)
	slices.Reverse(back)
	return append(there, back...)
}
