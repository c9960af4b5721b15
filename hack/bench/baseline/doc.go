// Package baseline is what the product is measured against: a server on the centrifuge library, and the bare engines.
package baseline
