package judge

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	senders = 20_000
	// each is how many conversations a sender has.
	each = 3
	// batch is how many records a consumer hands over at once.
	batch = 500
	// rate is how many messages a second there are by their own time.
	rate = 2000
	// bodyBytes is about how long a body is.
	bodyBytes = 128
	// badEvery is how many messages there are for a bad one, linkEvery for one with a link.
	badEvery, linkEvery = 100, 20
)

var vocabulary = strings.Fields(`the a of and to in that we it on as with at by from this they or one had but not what all were when there can an
	their which if will each about how up out them then she many some so these would other into more two like him see could no make than been its who now
	people my made over did down only way find use may water long little very after words called just where most know kitchen garden window bread coffee train
	meeting project review branch harbor winter summer morning evening mother brother teacher doctor river mountain bicycle station museum concert ticket
	weather cloud storm sunshine dinner lunch breakfast recipe salad carrot potato tomato guitar piano violin novel chapter letter paper pencil notebook
	laptop screen keyboard server cluster release version patch test report table chair sofa lamp carpet curtain jacket gloves scarf boots`)

// Traffic makes messages: a worker's, of conversations that no other worker has. It is for one goroutine.
type Traffic struct {
	rand   *rand.Rand
	worker int
	seqs   map[string]uint64
	made   int
	start  time.Time
	bad    string
}

// NewTraffic returns a worker's messages, of which one in a hundred has the bad text.
func NewTraffic(worker int, bad string) *Traffic {
	return &Traffic{rand: rand.New(rand.NewPCG(uint64(worker), 1)), worker: worker, seqs: map[string]uint64{}, start: time.UnixMilli(1_800_000_000_000), bad: bad}
}

// Next returns a batch, and which of its messages are bad.
func (t *Traffic) Next() ([]moderate.Message, []bool, error) {
	messages, bad := make([]moderate.Message, batch), make([]bool, batch)
	for i := range messages {
		sender := fmt.Sprintf("user-%d-%d", t.worker, t.rand.IntN(senders))
		id := fmt.Sprintf("%s-%d", sender, t.rand.IntN(each))
		conv, err := store.NewConv("bench", id)
		if err != nil {
			return nil, nil, err
		}
		t.seqs[id]++
		t.made++
		bad[i] = t.made%badEvery == 0
		messages[i] = moderate.Message{
			Conv: conv, Seq: t.seqs[id], Sender: sender, At: t.start.Add(time.Duration(t.made) * time.Second / rate), Body: t.body(bad[i]),
		}
	}
	return messages, bad, nil
}

func (t *Traffic) body(bad bool) string {
	var b strings.Builder
	for b.Len() < bodyBytes {
		b.WriteString(vocabulary[t.rand.IntN(len(vocabulary))])
		b.WriteByte(' ')
	}
	text := b.String()[:bodyBytes]
	switch {
	case bad:
		return t.bad
	case t.made%linkEvery == 1:
		return text[:90] + " https://docs.example.com/page/" + fmt.Sprint(t.made)
	}
	return text
}
