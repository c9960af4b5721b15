package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"strings"
)

// signatureSuffix ends the names of signatures.
const signatureSuffix = ".sig"

// Signer signs manifests. Who has its public key can tell that the export is not another's, whoever can write to where that is.
type Signer struct{ key ed25519.PrivateKey }

// ParseSigningKey reads an Ed25519 key in PKCS #8 and PEM, as openssl genpkey writes it. Its errors hold nothing of the key.
func ParseSigningKey(data []byte) (*Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("the signing key is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the signing key is not in PKCS #8: openssl genpkey -algorithm ed25519 makes one")
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the signing key is a %T, not one of Ed25519: openssl genpkey -algorithm ed25519 makes one", key)
	}
	return &Signer{private}, nil
}

// ParsePublicKeys reads Ed25519 public keys in PEM, as openssl pkey -pubout writes them: one or several.
func ParsePublicKeys(data []byte) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a public key: %w", err)
		}
		public, ok := key.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("a public key is a %T, not one of Ed25519", key)
		}
		keys = append(keys, public)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key in PEM")
	}
	return keys, nil
}

// keyName tells a key's signatures from others'.
func keyName(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// write signs a manifest, beside it: another key's signature has another name.
func (s *Signer) write(ctx context.Context, to Destination, base string, manifest []byte) error {
	public, ok := s.key.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("the signing key has no public one")
	}
	return to.Write(ctx, base+"."+keyName(public)+signatureSuffix, ed25519.Sign(s.key, manifest))
}

// Signed returns the heads that were exported of a tenant's log and are signed by one of the keys, and what is wrong with the others: a signature that is
// not the key's is forged, and where the last head is not signed all after the last one that is may be anybody's.
func Signed(ctx context.Context, from Destination, tenant string, keys []ed25519.PublicKey) ([]Checkpoint, []Fault, error) {
	names, err := from.List(ctx, folderOf(tenant))
	if err != nil {
		return nil, nil, err
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	var found []Checkpoint
	var faults []Fault
	var last, trusted int64
	var lastName string
	for _, name := range names {
		if !strings.HasSuffix(name, manifestSuffix) {
			continue
		}
		data, err := from.Read(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		m, err := parseManifest(data, tenant, name)
		if err != nil {
			return nil, nil, err
		}
		if m.To >= last {
			last, lastName = m.To, name
		}
		good, bad := false, false
		for _, key := range keys {
			signature := strings.TrimSuffix(name, manifestSuffix) + "." + keyName(key) + signatureSuffix
			if !there[signature] {
				continue
			}
			s, err := from.Read(ctx, signature)
			if err != nil {
				return nil, nil, err
			}
			if ed25519.Verify(key, data, s) {
				good = true
			} else {
				bad = true
			}
		}
		switch {
		case good:
			found = append(found, Checkpoint{Head: Head{m.To, m.Head}, Name: name})
			trusted = max(trusted, m.To)
		case bad:
			faults = append(faults, Fault{tenant, m.To, Forged, "the signature of " + path.Base(name) + " is not the key's"})
		}
	}
	if trusted < last {
		faults = append(faults, Fault{tenant, last, Unsigned, fmt.Sprintf("nobody trusted has signed %s, nor any export after entry %d", path.Base(lastName), trusted)})
	}
	return found, faults, nil
}
