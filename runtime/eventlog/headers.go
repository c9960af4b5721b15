package eventlog

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Headers of a record: what it is about can be told without decoding it. Ids are no secret.
const (
	// HeaderTraceParent is the W3C trace context of what the record was published for, absent where that is not traced.
	HeaderTraceParent  = "traceparent"
	HeaderTenant       = "chatcluster-tenant"
	HeaderConversation = "chatcluster-conversation"
	// HeaderFirst and HeaderLast are the seqs of a batch.
	HeaderFirst = "chatcluster-first-seq"
	HeaderLast  = "chatcluster-last-seq"
	// HeaderProcessor says whose a verdict is.
	HeaderProcessor = "chatcluster-processor"
)

// traceParentBytes is the length of a traceparent: anything else is none.
const traceParentBytes = 55

func headersOf(c store.Conv, traceParent string) []kgo.RecordHeader {
	headers := []kgo.RecordHeader{
		{Key: HeaderTenant, Value: []byte(c.Tenant())},
		{Key: HeaderConversation, Value: []byte(c.ID())},
	}
	if len(traceParent) == traceParentBytes {
		headers = append(headers, kgo.RecordHeader{Key: HeaderTraceParent, Value: []byte(traceParent)})
	}
	return headers
}

func batchHeaders(c store.Conv, b *logpb.Batch, traceParent string) []kgo.RecordHeader {
	headers := headersOf(c, traceParent)
	if len(b.GetEntries()) == 0 {
		return headers
	}
	return append(headers,
		kgo.RecordHeader{Key: HeaderFirst, Value: strconv.AppendUint(nil, store.First(b), 10)},
		kgo.RecordHeader{Key: HeaderLast, Value: strconv.AppendUint(nil, store.Last(b), 10)})
}

// traceParentOf returns the record's, empty where it has none that could be one.
func traceParentOf(kr *kgo.Record) string {
	for _, h := range kr.Headers {
		if h.Key == HeaderTraceParent && len(h.Value) == traceParentBytes {
			return string(h.Value)
		}
	}
	return ""
}
