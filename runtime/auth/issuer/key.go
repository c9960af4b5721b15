package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// pemType is the block of a PKCS#8 private key (RFC 5958).
const pemType = "PRIVATE KEY"

// Key signs tokens. Make it with LoadKey or LoadOrCreateKey.
type Key struct {
	private *ecdsa.PrivateKey
	id      string
	x, y    string // the public point's coordinates, base64url
}

// ID is the key's RFC 7638 thumbprint: the `kid` of its tokens and of its entry in the key set.
func (k *Key) ID() string { return k.id }

// LoadKey reads an ES256 key from a PEM file that holds one PKCS#8 block.
func LoadKey(path string) (*Key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	key, err := parseKey(data)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's key %s: %w", path, err)
	}
	return key, nil
}

// LoadOrCreateKey reads the key at path, or makes one where there is no file. The file is created whole and with mode
// 0600; when several processes create it at once, all of them get the key of the one that was first.
func LoadOrCreateKey(path string) (*Key, error) {
	key, err := LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create the issuer's key: %w", err)
	}
	return LoadKey(path)
}

// createKey writes a new key beside path and links it into place: link, unlike rename, never replaces.
func createKey(path string) (err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	if err := errors.Join(pem.Encode(tmp, &pem.Block{Type: pemType, Bytes: der}), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), path)
}

// parseKey never quotes data in its errors.
func parseKey(data []byte) (*Key, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("there is no PEM block %q", pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the PEM block is not PKCS#8")
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("the key is not for ES256 (ECDSA on P-256)")
	}
	return newKey(private)
}

func newKey(private *ecdsa.PrivateKey) (*Key, error) {
	point, err := private.PublicKey.Bytes() // 0x04, X, Y
	if err != nil {
		return nil, err
	}
	size := (len(point) - 1) / 2
	enc := base64.RawURLEncoding
	k := &Key{private: private, x: enc.EncodeToString(point[1 : 1+size]), y: enc.EncodeToString(point[1+size:])}
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, k.x, k.y))
	k.id = enc.EncodeToString(sum[:])
	return k, nil
}
