package operator

import (
	"math"
	"runtime"
	"slices"
	"strings"
)

// standIns are the packages and types that play AWS and Kafka here, as the names of their functions begin.
var standIns = []string{
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest.",
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest.",
	"github.com/chatcluster/chatcluster/hack/bench/operator.(*topics)",
	"github.com/chatcluster/chatcluster/hack/bench/operator.(*tenants)",
	"github.com/chatcluster/chatcluster/hack/bench/operator.(*table)",
	// What is asked of DynamoDB is kept by who plays it, and by nobody else.
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb.createInput",
}

// heldByStandIns is how many bytes of the heap AWS and Kafka hold here, which elsewhere are no part of an operator: an estimate by the
// runtime's samples, as of the last collection.
func heldByStandIns() int64 {
	var records []runtime.MemProfileRecord
	for n, ok := runtime.MemProfile(nil, false); !ok; {
		records = make([]runtime.MemProfileRecord, n+50)
		if n, ok = runtime.MemProfile(records, false); ok {
			records = records[:n]
		}
	}
	held := 0.0
	for i := range records {
		if r := &records[i]; r.InUseObjects() > 0 && calledByStandIns(r.Stack()) {
			held += estimated(r.InUseBytes(), r.InUseObjects())
		}
	}
	return int64(held)
}

func calledByStandIns(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if slices.ContainsFunc(standIns, func(s string) bool { return strings.HasPrefix(f.Function, s) }) {
			return true
		}
		if !more {
			return false
		}
	}
}

// estimated undoes the sampling of a record, as runtime/pprof does: a sample is taken each MemProfileRate bytes on average.
func estimated(bytes, objects int64) float64 {
	size := float64(bytes) / float64(objects)
	return float64(bytes) / (1 - math.Exp(-size/float64(runtime.MemProfileRate)))
}
