package chatpool

import "github.com/cespare/xxhash/v2"

// pick returns the pod with the highest weight for the conversation, nil when there is none. A pod that comes or goes moves
// only the conversations that it wins or had won.
func pick(ring []*pod, tenant, conversation string) *pod {
	var best *pod
	var top uint64
	for _, d := range ring {
		w := weight(tenant, conversation, d.identity())
		if best == nil || w > top || (w == top && d.identity() < best.identity()) {
			best, top = d, w
		}
	}
	return best
}

// weight hashes the three with separators: ids hold no control characters.
func weight(tenant, conversation, pod string) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(tenant)
	_, _ = d.WriteString("\x00")
	_, _ = d.WriteString(conversation)
	_, _ = d.WriteString("\x00")
	_, _ = d.WriteString(pod)
	return d.Sum64()
}
