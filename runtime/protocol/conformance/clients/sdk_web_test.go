//go:build web

package clients_test

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/protocol/conformance/clients"
)

// driver speaks for the SDK as it was built: npm run build.
const driver = "../../../web/client/conformance/driver.mjs"

func TestJavaScriptSDK(t *testing.T) {
	p, err := clients.StartProcess(t, "node", driver)
	if err != nil {
		t.Fatalf("%v: the SDK is tested in Node", err)
	}
	t.Cleanup(func() {
		if err := p.End(); err != nil {
			t.Errorf("the driver: %v", err)
		}
	})
	clients.Run(t, clients.Subject{New: func(*testing.T) clients.Driver { return p }})
}
