package store

import (
	"fmt"
	"strings"
)

const hexDigits = "0123456789ABCDEF"

// escaped are the bytes with a meaning in keys: the separator, the escape itself, and Redis' hash tag.
const escaped = "#%{}"

// Escape returns id without the bytes that have a meaning in keys, so that no id can forge another's key. Different ids
// stay different; an escaped id has at most three times the bytes.
func Escape(id string) string {
	if !strings.ContainsAny(id, escaped) {
		return id
	}
	var b strings.Builder
	for i := range len(id) {
		if strings.IndexByte(escaped, id[i]) < 0 {
			b.WriteByte(id[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[id[i]>>4])
		b.WriteByte(hexDigits[id[i]&15])
	}
	return b.String()
}

// Unescape reverts Escape. What Escape cannot have made is an error that wraps ErrInvalidID.
func Unescape(s string) (string, error) {
	if !strings.ContainsAny(s, escaped) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("%w: an escape is cut short", ErrInvalidID)
		}
		hi, lo := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("%w: a bad escape", ErrInvalidID)
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	if id := b.String(); Escape(id) == s {
		return id, nil
	}
	return "", fmt.Errorf("%w: not an escaped id", ErrInvalidID)
}
