// Package links finds the links of a body as a reader's client would: addresses with a scheme, names of hosts alone, and Markdown's [text](address).
//
// A name alone counts when the public suffix list knows how it ends, so "e.g." and "well.ok" may not; a mail address is no link, nor is what
// looks like a file ("main.py"). Hosts are in lower case and decoded from punycode.
//
// # Invariants
//
// Spans are of runes of the body, in order and apart. At most MaxLinks are found in a body. Pure functions.
package links
