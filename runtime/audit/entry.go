package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Hash is an entry's: SHA-256 of its canonical encoding. Its text is hexadecimal.
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return errors.New("a hash has 64 hexadecimal digits")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

func hashOf(b []byte) (h Hash, err error) {
	if len(b) != len(h) {
		return h, fmt.Errorf("a hash of %d bytes", len(b))
	}
	return Hash(b), nil
}

// Entry is one entry of a tenant's audit log. Its JSON form is a line of an export.
type Entry struct {
	Tenant string `json:"tenant"`
	// N is the entry's place: 1, 2, 3, … within its tenant.
	N int64 `json:"n"`
	// AtMS is when it happened, in Unix milliseconds; entries are in the order in which they became known, which may be another.
	AtMS int64  `json:"at_ms"`
	Kind string `json:"kind"`
	// Actor and Subject are pseudonyms, empty where there is none.
	Actor   string `json:"actor,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Details is a JSON object of strings. It is kept as text, as its bytes are hashed.
	Details string `json:"details"`
	// Source names what the entry was made from: no two entries of a tenant have the same.
	Source string `json:"source"`
	// Prev is the hash of the entry before, of the tenant's Genesis for the first.
	Prev Hash `json:"prev"`
	Hash Hash `json:"hash"`
}

// At is when it happened.
func (e Entry) At() time.Time { return time.UnixMilli(e.AtMS).UTC() }

// Domains of what is hashed: no entry's encoding is anything else's.
const (
	entryDomain   = "chatcluster audit entry 1\n"
	genesisDomain = "chatcluster audit genesis 1\n"
)

// Genesis is what a tenant's first entry follows.
func Genesis(tenant string) Hash {
	return sha256.Sum256(field([]byte(genesisDomain), tenant))
}

// Canonical is the encoding that is hashed: the domain, then tenant, n, at, kind, actor, subject, details, source and prev. Numbers
// are 8 bytes, the most significant first; text is preceded by its length as such a number; prev is its 32 bytes. No two entries have the
// same. docs/audit.md writes it down for other languages.
func (e Entry) Canonical() []byte {
	b := make([]byte, 0, 256+len(e.Details))
	b = append(b, entryDomain...)
	b = field(b, e.Tenant)
	b = number(b, e.N)
	b = number(b, e.AtMS)
	for _, s := range []string{e.Kind, e.Actor, e.Subject, e.Details, e.Source} {
		b = field(b, s)
	}
	return append(b, e.Prev[:]...)
}

// Sum is what the entry's Hash must be.
func (e Entry) Sum() Hash { return sha256.Sum256(e.Canonical()) }

func number(b []byte, n int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(n)) }

func field(b []byte, s string) []byte { return append(number(b, int64(len(s))), s...) }

// detailsOf is the JSON of details: one text for each map.
func detailsOf(details map[string]string) (string, error) {
	if len(details) == 0 {
		return "{}", nil
	}
	b, err := json.Marshal(details)
	if err != nil {
		return "", fmt.Errorf("encode an audit entry's details: %w", err)
	}
	return string(b), nil
}
