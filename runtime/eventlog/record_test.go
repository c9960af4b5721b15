package eventlog

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
)

func FuzzDecode(f *testing.F) {
	good, err := proto.Marshal(&eventpb.LogRecord{Tenant: "acme", Conversation: "c", Batch: batch(1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(LogTopic, good)
	f.Add(MarksTopic, []byte("\x0a\x04acme"))
	f.Add(AuditTopic, []byte("\x0a\x04acme\x12\x01i\x22\x01k"))
	f.Add(VerdictsTopic, []byte("\x0a\x04acme"))
	f.Add(FiguresTopic, []byte("\x0a\x04acme\x12\x01s\x18\x01\x2a\x02\x08\x01"))
	f.Add("else", []byte(nil))
	f.Fuzz(func(t *testing.T, topic string, value []byte) {
		r, err := decode(topic, &kgo.Record{Value: value})
		if err != nil {
			if !errors.Is(err, errPoison) {
				t.Errorf("error is not poison: %v", err)
			}
			return
		}
		found := 0
		for _, is := range []bool{r.Batch != nil, r.Mark != nil, r.Verdict != nil, r.Audit != nil, r.Figures != nil} {
			if is {
				found++
			}
		}
		if found != 1 {
			t.Errorf("a decoded record has exactly one of batch, mark, verdict, audit and figures, not %d", found)
		}
	})
}
