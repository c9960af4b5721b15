package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyPair is a new key, as openssl would write both of its parts.
func keyPair(t testing.TB) (private, public []byte) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: a}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: b})
}

func signerOf(t *testing.T, private []byte) *Signer {
	t.Helper()
	s, err := ParseSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignedExports(t *testing.T) {
	one, onePublic := keyPair(t)
	two, twoPublic := keyPair(t)
	for name, tc := range map[string]struct {
		reason string
		signed []*Signer // of each export, of ten entries
		trust  [][]byte
		change func(t *testing.T, dir string)
		heads  []int64
		faults []string
	}{
		"All":       {"all is signed", []*Signer{signerOf(t, one), signerOf(t, one)}, [][]byte{onePublic}, nil, []int64{10, 20}, nil},
		"None":      {"nobody has signed", []*Signer{nil, nil}, [][]byte{onePublic}, nil, nil, []string{"20 unsigned"}},
		"Other":     {"somebody else has", []*Signer{signerOf(t, two)}, [][]byte{onePublic}, nil, nil, []string{"10 unsigned"}},
		"Late":      {"what is signed later holds what was before", []*Signer{nil, signerOf(t, one)}, [][]byte{onePublic}, nil, []int64{20}, nil},
		"Stopped":   {"what came after may be anybody's", []*Signer{signerOf(t, one), nil}, [][]byte{onePublic}, nil, []int64{10}, []string{"20 unsigned"}},
		"Rotated":   {"both keys are known", []*Signer{signerOf(t, one), signerOf(t, two)}, [][]byte{slices.Concat(onePublic, twoPublic)}, nil, []int64{10, 20}, nil},
		"Forgotten": {"the new key's covers what the old one's did", []*Signer{signerOf(t, one), signerOf(t, two)}, [][]byte{twoPublic}, nil, []int64{20}, nil},
		"Changed": {"a manifest was written anew", []*Signer{signerOf(t, one)}, [][]byte{onePublic}, func(t *testing.T, dir string) {
			replace(t, dir, manifestSuffix, func(b string) string { return strings.Replace(b, `"head": "`, `"head":  "`, 1) })
		}, nil, []string{"10 forged", "10 unsigned"}},
		"Signature": {"a signature was made up", []*Signer{signerOf(t, one)}, [][]byte{onePublic}, func(t *testing.T, dir string) {
			replace(t, dir, signatureSuffix, func(b string) string { return b[1:] + b[:1] })
		}, nil, []string{"10 forged", "10 unsigned"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := chainOf("acme", 0)
			for i, sign := range tc.signed {
				m = chainOf("acme", 10*(i+1))
				if _, err := Export(t.Context(), m, Folder{dir}, "acme", sign); err != nil {
					t.Fatal(err)
				}
			}
			if tc.change != nil {
				tc.change(t, dir)
			}
			var keys []ed25519.PublicKey
			for _, data := range tc.trust {
				some, err := ParsePublicKeys(data)
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, some...)
			}
			found, faults, err := Signed(t.Context(), Folder{dir}, "acme", keys)
			if err != nil {
				t.Fatal(err)
			}
			var heads []int64
			for _, c := range found {
				heads = append(heads, c.N)
			}
			var wrong []string
			for _, f := range faults {
				wrong = append(wrong, fmt.Sprint(f.N, " ", f.Problem))
			}
			if d := cmp.Diff(tc.heads, heads); d != "" {
				t.Errorf("%s: heads (-want +got):\n%s", tc.reason, d)
			}
			if d := cmp.Diff(tc.faults, wrong); d != "" {
				t.Errorf("%s: faults (-want +got):\n%s", tc.reason, d)
			}
			v, err := Verify(t.Context(), m, "acme", found)
			if err != nil || len(v.Faults) > 0 {
				t.Errorf("%s: the log itself is intact: %v, %v", tc.reason, v.Faults, err)
			}
		})
	}
}

// replace changes the only file with that suffix.
func replace(t *testing.T, dir, suffix string, change func(string) string) {
	t.Helper()
	names, err := Folder{dir}.List(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		at := filepath.Join(dir, name)
		b, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		changed := change(string(b))
		if changed == string(b) {
			t.Fatal("nothing is changed")
		}
		if err := os.WriteFile(at, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no %s", suffix)
}

// An export that was cut off behind its signature goes on with another key.
func TestARotationBetweenSignatureAndManifest(t *testing.T) {
	one, _ := keyPair(t)
	two, twoPublic := keyPair(t)
	dir, m := t.TempDir(), chainOf("acme", 10)
	if _, err := Export(t.Context(), m, &failing{Folder{dir}, 2}, "acme", signerOf(t, one)); err == nil {
		t.Fatal("it was not cut off")
	}
	if _, err := Export(t.Context(), m, Folder{dir}, "acme", signerOf(t, two)); err != nil {
		t.Fatal(err)
	}
	keys, err := ParsePublicKeys(twoPublic)
	if err != nil {
		t.Fatal(err)
	}
	if found, faults, err := Signed(t.Context(), Folder{dir}, "acme", keys); err != nil || len(faults) > 0 || len(found) != 1 {
		t.Errorf("%v, %v, %v", found, faults, err)
	}
}

func TestOtherKeysAreRefused(t *testing.T) {
	private, public := keyPair(t)
	for reason, data := range map[string][]byte{"it is none": []byte("none"), "it is public": public, "it is cut off": private[:40]} {
		if _, err := ParseSigningKey(data); err == nil || strings.Contains(err.Error(), "MC4") {
			t.Errorf("a signing key, though %s: %v", reason, err)
		}
	}
	for reason, data := range map[string][]byte{"it is none": []byte("none"), "it is private": private} {
		if _, err := ParsePublicKeys(data); err == nil {
			t.Errorf("a public key, though %s", reason)
		}
	}
}
