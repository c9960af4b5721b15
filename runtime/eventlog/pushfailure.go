package eventlog

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// PushFailure is a push that was given up. Outcome and Reason are words of small, fixed sets: nothing of the push's content,
// and no token, is among them.
type PushFailure struct {
	User     store.User
	Device   string
	Conv     store.Conv
	Seq      uint64
	Channel  string
	Outcome  string
	Reason   string
	Attempts int
	At       time.Time
}

// PublishPushFailure publishes the failure to the notifier's dead-letter topic, and waits until Kafka has it. After an error it
// may have it all the same.
func (p *Producer) PublishPushFailure(ctx context.Context, f PushFailure) error {
	done := make(chan error, 1)
	reason := kgo.RecordHeader{Key: HeaderReason, Value: []byte("push " + f.Outcome + ": " + f.Reason)}
	p.publish(p.notifyDead, UserKey(f.User), []kgo.RecordHeader{reason}, &eventpb.PushFailure{
		Tenant: string(f.User.Tenant()), User: f.User.ID(), Device: f.Device, Conversation: f.Conv.ID(), Seq: f.Seq, Channel: f.Channel,
		Outcome: f.Outcome, Reason: f.Reason, Attempts: uint32(max(f.Attempts, 0)), AtMs: f.At.UnixMilli(),
	}, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
