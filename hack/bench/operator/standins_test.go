package operator

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// What the stand-ins hold is told apart from the rest, within what sampling allows.
func TestWhatStandInsHold(t *testing.T) {
	before := measured()
	own := make([][]byte, 0, 1000)
	for range cap(own) {
		own = append(own, make([]byte, 16<<10))
	}
	if got := measured() - before; got > 4<<20 {
		t.Errorf("%d bytes of others count", got)
	}
	var all tenants
	const n = 100_000
	of := all.of("p")
	for i := range n {
		if _, err := of.PutTenant(t.Context(), store.TenantRecord{Tenant: store.Tenant(fmt.Sprint(i)), Issuer: store.TenantIssuer{URL: fmt.Sprint("https://", i)}}, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := (measured() - before) / n; got < 100 || got > 2000 {
		t.Errorf("%d bytes are counted for each of %d tenants", got, n)
	}
	runtime.KeepAlive(own)
	runtime.KeepAlive(of)
}

func measured() int64 {
	// A profile is as of the collection before the last one.
	runtime.GC()
	runtime.GC()
	return heldByStandIns()
}
