//go:build engines

package dynamo_test

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo/dynamotest"
	"github.com/chatcluster/chatcluster/runtime/store/storetest"
)

func TestStore(t *testing.T) {
	s := dynamotest.Open(t)
	storetest.Run(t, func(*testing.T) store.Store { return s })
}
