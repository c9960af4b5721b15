package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/telemetry"
)

const (
	maxReasonBytes    = 64
	maxSpans          = 256
	idempotencyHeader = "Idempotency-Key"
)

// postConfirm has a moderator say what the verdict says: it is a person's word then, and no processor's that says as much opens the review again.
func (c *call) postConfirm() (httpapi.Reply, error) {
	r, err := c.review()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if r.State == readmodel.ReviewConfirmed {
		return c.decided(r)
	}
	said, err := c.a.o.History.Around(c.Context(), r.Conv, r.VerdictSeq, 0)
	if err != nil {
		return httpapi.Reply{}, err
	}
	if len(said) == 0 || said[0].GetVerdict() == nil {
		return httpapi.Reply{}, httpapi.Refuse(protocol.CodeTooOld, "the verdict has outlived its retention")
	}
	v := proto.CloneOf(said[0].GetVerdict())
	v.Processor = protocol.ProcessorModerator
	return c.decide(r, v, readmodel.ReviewConfirmed)
}

// postRevert has a moderator take back what holds: the message shows again.
func (c *call) postRevert() (httpapi.Reply, error) {
	r, err := c.review()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if r.State == readmodel.ReviewReverted {
		return c.decided(r)
	}
	return c.decide(r, &logpb.Verdict{Target: r.Seq, Action: protocol.ActionNone, Processor: protocol.ProcessorModerator, BodyAt: r.BodyAt}, readmodel.ReviewReverted)
}

// decided answers for what is decided so already.
func (c *call) decided(r readmodel.Review) (httpapi.Reply, error) {
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	return ok(Decided{State: r.State, Seq: r.DecidedSeq, AtMS: r.DecidedAtMS})
}

// decide has a decision appended. It is named after what it is about, so that a repetition finds its entry.
func (c *call) decide(r readmodel.Review, v *logpb.Verdict, state string) (httpapi.Reply, error) {
	name := "review." + strconv.FormatUint(max(r.VerdictSeq, r.DecidedSeq), 10) + "." + state
	out, err := c.say(r.Conv, name, v)
	if err != nil {
		return httpapi.Reply{}, err
	}
	out.State = state
	return ok(out)
}

// say has the moderator's verdict appended to the conversation's log.
func (c *call) say(v store.Conv, name string, verdict *logpb.Verdict) (Decided, error) {
	c.note("action", verdict.GetAction())
	if err := c.begin(); err != nil {
		return Decided{}, err
	}
	r := chatpool.Submit(c.Context(), c.a.o.Chat, &chatpb.Send{
		Tenant: string(v.Tenant()), Conversation: v.ID(), User: c.by(), ClientMsgId: name,
		Change: &chatpb.Send_Verdict{Verdict: verdict}, TraceParent: telemetry.Parent(c.Context()),
	})
	if code := protocol.Code(r.GetCode()); code != "" {
		return Decided{}, httpapi.Refusal{Code: code, Detail: r.GetDetail(), Wait: time.Duration(r.GetRetryAfterMs()) * time.Millisecond}
	}
	return Decided{Seq: r.GetSeq(), AtMS: r.GetAtMs()}, nil
}

// postVerdict is a moderator's own verdict, where no processor has said anything, or not enough.
func (c *call) postVerdict() (httpapi.Reply, error) {
	s, err := c.known()
	if err != nil {
		return httpapi.Reply{}, err
	}
	seq, err := c.seq()
	if err != nil {
		return httpapi.Reply{}, err
	}
	var body Verdict
	if err := c.decode(&body); err != nil {
		return httpapi.Reply{}, err
	}
	if err := body.check(); err != nil {
		return httpapi.Reply{}, err
	}
	name := c.Header.Get(idempotencyHeader)
	if len(name) > protocol.MaxClientMsgIDBytes || !utf8.ValidString(name) {
		return httpapi.Reply{}, httpapi.Invalid("%s is not UTF-8 of at most %d bytes", idempotencyHeader, protocol.MaxClientMsgIDBytes)
	}
	if name == "" {
		name = uuid.NewString()
	}
	c.w.Header().Set(idempotencyHeader, name)
	at, err := c.a.o.History.Around(c.Context(), s.Conv, seq, 0)
	if err != nil {
		return httpapi.Reply{}, fmt.Errorf("read the message: %w", err)
	}
	e := fold.Entry(&logpb.Batch{Entries: at}, seq)
	m := e.GetMessage()
	if m == nil || m.GetDeleted() {
		return httpapi.Reply{}, notFound("no such message")
	}
	c.subject = e.GetSender()
	verdict := &logpb.Verdict{
		Target: seq, Action: body.Action, Reason: body.Reason, Processor: protocol.ProcessorModerator, Revision: m.GetRevision(),
	}
	if body.Revision != nil {
		verdict.Revision = *body.Revision
	}
	for _, span := range body.Spans {
		verdict.Spans = append(verdict.Spans, &logpb.Span{Start: span.Start, Length: span.Length})
	}
	out, err := c.say(s.Conv, name, verdict)
	if err != nil {
		return httpapi.Reply{}, err
	}
	out.State = readmodel.ReviewConfirmed
	return httpapi.Reply{Status: http.StatusCreated, Body: out}, nil
}

// check says what is wrong with a verdict by itself.
func (v Verdict) check() error {
	switch {
	case v.Action != protocol.ActionFlag && v.Action != protocol.ActionMask && v.Action != protocol.ActionHide:
		return httpapi.Invalid("action is none of flag, mask and hide")
	case len(v.Reason) > maxReasonBytes:
		return httpapi.Invalid("reason is longer than %d bytes", maxReasonBytes)
	case (v.Action == protocol.ActionMask) != (len(v.Spans) > 0):
		return httpapi.Invalid("spans are for a mask, which has some")
	case len(v.Spans) > maxSpans:
		return httpapi.Invalid("there are more than %d spans", maxSpans)
	}
	return nil
}
