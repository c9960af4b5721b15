package pki

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

// Kubeconfig renders a kubeconfig that carries its certificates, so that the file alone is enough.
func Kubeconfig(dir, subject, name, server string) ([]byte, error) {
	data := map[string]string{}
	for _, f := range []string{"ca.crt", subject + ".crt", subject + ".key"} {
		b, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			return nil, err
		}
		data[f] = base64.StdEncoding.EncodeToString(b)
	}
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: %[1]s
contexts:
- name: %[1]s
  context: {cluster: %[1]s, user: %[1]s}
clusters:
- name: %[1]s
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
users:
- name: %[1]s
  user:
    client-certificate-data: %[4]s
    client-key-data: %[5]s
`, name, server, data["ca.crt"], data[subject+".crt"], data[subject+".key"]), nil
}
