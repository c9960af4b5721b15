package fault

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxKafkaFrame bounds a request or an answer.
const maxKafkaFrame = 64 << 20

// Kafka is a proxy before a cluster of one broker. It speaks the protocol as far as it must: brokers are named by the
// proxy's own address, so that nobody goes around it, and answers to producers can be changed.
type Kafka struct {
	*TCP
	host  string
	port  int32
	rates atomic.Pointer[Rates]
}

// NewKafka starts one before the broker.
func NewKafka(ctx context.Context, broker string) (*Kafka, error) {
	k := &Kafka{}
	k.rates.Store(&Rates{})
	t, err := newTCP(ctx, k.forward, anywhere, broker)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(t.Addr())
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return nil, err
	}
	k.TCP, k.host, k.port = t, host, int32(n)
	return k, nil
}

// Set changes the rates. Error of a produce request says that it was written and not replicated; Late is not used.
func (k *Kafka) Set(r Rates) { k.rates.Store(&r) }

// request is what an answer is read by.
type request struct{ key, version int16 }

// forward passes requests and answers on until one side ends.
func (k *Kafka) forward(t *TCP, client, server net.Conn) {
	var (
		mu    sync.Mutex
		asked = map[int32]request{}
		wg    sync.WaitGroup
	)
	wg.Go(func() {
		defer client.Close()
		defer server.Close()
		for {
			frame, err := readFrame(client)
			if err != nil || len(frame) < 8 {
				return
			}
			r := request{int16(binary.BigEndian.Uint16(frame)), int16(binary.BigEndian.Uint16(frame[2:]))}
			mu.Lock()
			asked[int32(binary.BigEndian.Uint32(frame[4:]))] = r
			mu.Unlock()
			if rates := k.rates.Load(); rand.Float64() < rates.Delay {
				time.Sleep(rand.N(rates.By))
			}
			t.pass()
			if writeFrame(server, frame) != nil {
				return
			}
		}
	})
	wg.Go(func() {
		defer client.Close()
		defer server.Close()
		for {
			frame, err := readFrame(server)
			if err != nil || len(frame) < 4 {
				return
			}
			mu.Lock()
			id := int32(binary.BigEndian.Uint32(frame))
			r := asked[id]
			delete(asked, id)
			mu.Unlock()
			if frame, err = k.answer(r, frame); err != nil {
				return
			}
			t.pass()
			if writeFrame(client, frame) != nil {
				return
			}
		}
	})
	wg.Wait()
}

// answer returns what the client is told.
func (k *Kafka) answer(r request, frame []byte) ([]byte, error) {
	rates := k.rates.Load()
	switch r.key {
	case int16(kmsg.Produce):
		switch draw := rand.Float64(); {
		case draw < rates.Lost:
			return nil, io.ErrUnexpectedEOF
		case draw < rates.Lost+rates.Error:
			return rewrite(r, frame, func(res *kmsg.ProduceResponse) {
				for i := range res.Topics {
					for j := range res.Topics[i].Partitions {
						res.Topics[i].Partitions[j].ErrorCode = kerr.NotEnoughReplicasAfterAppend.Code
					}
				}
			})
		}
	case int16(kmsg.Metadata):
		return rewrite(r, frame, func(res *kmsg.MetadataResponse) {
			for i := range res.Brokers {
				res.Brokers[i].Host, res.Brokers[i].Port = k.host, k.port
			}
		})
	case int16(kmsg.FindCoordinator):
		return rewrite(r, frame, func(res *kmsg.FindCoordinatorResponse) {
			if res.ErrorCode == 0 && res.Host != "" {
				res.Host, res.Port = k.host, k.port
			}
			for i := range res.Coordinators {
				if res.Coordinators[i].ErrorCode == 0 {
					res.Coordinators[i].Host, res.Coordinators[i].Port = k.host, k.port
				}
			}
		})
	case int16(kmsg.DescribeCluster):
		return rewrite(r, frame, func(res *kmsg.DescribeClusterResponse) {
			for i := range res.Brokers {
				res.Brokers[i].Host, res.Brokers[i].Port = k.host, k.port
			}
		})
	}
	return frame, nil
}

// rewrite decodes an answer, changes it and encodes it again.
func rewrite[T any, R interface {
	*T
	kmsg.Response
}](r request, frame []byte, change func(*T)) ([]byte, error) {
	var v T
	res := R(&v)
	if d, ok := any(res).(interface{ Default() }); ok {
		d.Default()
	}
	res.SetVersion(r.version)
	header := 4
	if res.IsFlexible() {
		header++ // no tags: brokers send none here
		if len(frame) < header || frame[4] != 0 {
			return nil, fmt.Errorf("an answer's header has tags")
		}
	}
	if err := res.ReadFrom(frame[header:]); err != nil {
		return nil, err
	}
	change(&v)
	return res.AppendTo(frame[:header:header]), nil
}

func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxKafkaFrame {
		return nil, fmt.Errorf("a frame of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func writeFrame(w io.Writer, frame []byte) error {
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(frame)), uint32(len(frame)))
	_, err := w.Write(append(out, frame...))
	return err
}
