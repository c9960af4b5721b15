package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// backdate is by how much a certificate's lifetime begins early: clocks differ.
const backdate = 5 * time.Minute

const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "EC PRIVATE KEY"
)

// chain is a certificate and what may follow it: those that it is signed by, or just others.
type chain []*x509.Certificate

// signedBy tells whether the first is signed by ca, directly or by way of the others.
func (c chain) signedBy(ca *x509.Certificate, now time.Time) bool {
	_, err := c[0].Verify(c.options(now, x509.ExtKeyUsageAny, chain{ca}))
	return err == nil
}

func (c chain) options(now time.Time, usage x509.ExtKeyUsage, authorities chain) x509.VerifyOptions {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, a := range authorities {
		roots.AddCert(a)
	}
	for _, b := range c[1:] {
		between.AddCert(b)
	}
	return x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}
}

// authority is a CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issued is when a certificate was made.
func issued(c *x509.Certificate) time.Time { return c.NotBefore.Add(backdate) }

func newAuthority(now time.Time, name string) (authority, Pair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name + " " + now.UTC().Format(time.RFC3339)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(AuthorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, Pair{}, fmt.Errorf("make a key: %w", err)
	}
	cert, pair, err := create(template, template, key, key)
	return authority{cert, key}, pair, err
}

// sign makes a certificate with a key of its own.
func (a authority) sign(now time.Time, wish Wish) (chain, Pair, error) {
	end := now.Add(LeafLife)
	if end.After(a.cert.NotAfter) {
		end = a.cert.NotAfter
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: wish.Host[:min(len(wish.Host), maxCommonName)]},
		DNSNames:    []string{wish.Host},
		NotBefore:   now.Add(-backdate),
		NotAfter:    end,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: wish.Usages,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, Pair{}, fmt.Errorf("make a key: %w", err)
	}
	cert, pair, err := create(template, a.cert, key, a.key)
	return chain{cert}, pair, err
}

// maxCommonName is X.509's bound. Nobody goes by the common name: the host is in the alternative names.
const maxCommonName = 64

func create(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, Pair, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, Pair{}, fmt.Errorf("make a serial number: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, Pair{}, fmt.Errorf("make a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, Pair{}, fmt.Errorf("read a certificate just made: %w", err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, Pair{}, fmt.Errorf("encode a key: %w", err)
	}
	return cert, Pair{Cert: encode(chain{cert}), Key: pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: secret})}, nil
}

var errUnusable = errors.New("not usable")

func readAuthority(p Pair) (authority, error) {
	certs := readCertificates(p.Cert)
	if len(certs) == 0 || !certs[0].IsCA {
		return authority{}, errUnusable
	}
	block, _ := pem.Decode(p.Key)
	if block == nil {
		return authority{}, errUnusable
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil || !key.PublicKey.Equal(certs[0].PublicKey) {
		return authority{}, errUnusable
	}
	return authority{certs[0], key}, nil
}

// readLeaf returns a role's certificate, and whether it says what it should, is valid now, fits its key, and is signed by one of
// authorities. The key may be one that another issuer made.
func readLeaf(p Pair, wish Wish, now time.Time, authorities chain) (certs chain, usable bool) {
	certs = readCertificates(p.Cert)
	if len(certs) == 0 || !fits(certs[0], p.Key) {
		return nil, false
	}
	for _, usage := range wish.Usages {
		o := certs.options(now, usage, authorities)
		o.DNSName = wish.Host
		if _, err := certs[0].Verify(o); err != nil {
			return certs, false
		}
	}
	return certs, true
}

func fits(cert *x509.Certificate, keyPEM []byte) bool {
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return false
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key.PublicKey.Equal(cert.PublicKey)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	ec, ok := key.(*ecdsa.PrivateKey)
	return err == nil && ok && ec.PublicKey.Equal(cert.PublicKey)
}

// readCertificates returns all certificates in data that can be read.
func readCertificates(data []byte) chain {
	var list chain
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return list
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == pemCertificate {
			list = append(list, cert)
		}
	}
}

func encode(certs chain) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: c.Raw})...)
	}
	return out
}
