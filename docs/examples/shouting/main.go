package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// name is the processor's: of its consumer group, and of who says its verdicts.
const name = "shouting"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: shouting BROKERS TOPIC-PREFIX")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, strings.Split(os.Args[1], ","), os.Args[2])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "shouting:", err)
		os.Exit(1)
	}
}

// run judges what is written until ctx ends.
func run(ctx context.Context, brokers []string, prefix string) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ConsumerGroup(prefix+name),
		kgo.ConsumeTopics(prefix+"log"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.DisableAutoCommit(), // an offset is committed when Kafka has what was said of all before it
	)
	if err != nil {
		return err
	}
	defer client.Close()
	for ctx.Err() == nil {
		// Whatever fails, the records come again after a restart, and a verdict that is said again changes nothing.
		if err := step(ctx, client, prefix); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// step takes some records, says what there is to say of them, and commits.
func step(ctx context.Context, client *kgo.Client, prefix string) error {
	var verdicts []*kgo.Record
	client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		said, err := judge(r)
		if err != nil {
			fmt.Fprintf(os.Stderr, "shouting: offset %d of partition %d: %v\n", r.Offset, r.Partition, err)
			return
		}
		for _, v := range said {
			v.Topic = prefix + "verdicts"
			verdicts = append(verdicts, v)
		}
	})
	if err := client.ProduceSync(ctx, verdicts...).FirstErr(); err != nil {
		return err
	}
	return client.CommitUncommittedOffsets(ctx)
}

// judge returns what there is to say of a record of the log.
func judge(r *kgo.Record) ([]*kgo.Record, error) {
	var in eventpb.LogRecord
	if err := proto.Unmarshal(r.Value, &in); err != nil {
		return nil, err
	}
	var out []*kgo.Record
	for _, e := range in.GetBatch().GetEntries() {
		v := &logpb.Verdict{Action: "flag", Processor: name, Reason: "capitals"}
		var body string
		switch k := e.GetKind().(type) {
		case *logpb.Entry_Message:
			body, v.Target, v.BodyAt = k.Message.GetBody(), e.GetSeq(), k.Message.GetEditedSeq()
		case *logpb.Entry_Edited:
			body, v.Target, v.BodyAt = k.Edited.GetBody(), k.Edited.GetTarget(), e.GetSeq()
		}
		if !shouts(body) {
			continue
		}
		value, err := proto.Marshal(&eventpb.VerdictRecord{
			Tenant: in.GetTenant(), Conversation: in.GetConversation(), Verdict: v, AtMs: time.Now().UnixMilli(),
		})
		if err != nil {
			return nil, err
		}
		out = append(out, &kgo.Record{Key: r.Key, Value: value, Headers: []kgo.RecordHeader{
			{Key: "chatcluster-tenant", Value: []byte(in.GetTenant())},
			{Key: "chatcluster-conversation", Value: []byte(in.GetConversation())},
			{Key: "chatcluster-processor", Value: []byte(name)},
		}})
	}
	return out, nil
}

// shouts says whether a text of some length is in capitals.
func shouts(body string) bool {
	letters := 0
	for _, r := range body {
		if unicode.IsLower(r) {
			return false
		}
		if unicode.IsUpper(r) {
			letters++
		}
	}
	return letters >= 8
}
