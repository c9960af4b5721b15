package gateway

import (
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// checkShape bounds a frame's depth and number of tokens before anything is allocated for them. It judges no syntax: brackets and
// separators outside of strings are counted, whatever they mean.
func checkShape(data []byte) error {
	depth, tokens := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			tokens++
		case '}', ']':
			depth--
		case ',', ':':
			tokens++
		}
		if depth > protocol.MaxDepth {
			return fmt.Errorf("%w: nested too deep", errBadFrame)
		}
		if tokens > protocol.MaxTokens {
			return fmt.Errorf("%w: too many values", errBadFrame)
		}
	}
	return nil
}
