package auth

import "net/netip"

// IsPublic says whether keys may come from the address.
func IsPublic(addr string) bool { return isPublic(netip.MustParseAddr(addr)) }
