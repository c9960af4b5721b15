package clients

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// conn is a connection of the client under test.
type conn struct {
	s      *server
	ws     *websocket.Conn
	header string
	came   time.Time

	mu      sync.Mutex
	frames  []frame
	changed chan struct{}
	// deaf has the connection answer nothing by itself.
	deaf bool
	gone bool
}

// frame is what the client said, and when it came.
type frame struct {
	protocol.ClientFrame
	at time.Time
}

var changes = []string{protocol.TypeSend, protocol.TypeEdit, protocol.TypeDelete, protocol.TypeReact}

// read notes what comes, and answers what no case scripts: pages of the history and pings.
func (c *conn) read() {
	defer func() {
		c.mu.Lock()
		c.gone = true
		c.tell()
		c.mu.Unlock()
		_ = c.ws.Close()
	}()
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		f := frame{at: time.Now()}
		if err := json.Unmarshal(data, &f.ClientFrame); err != nil || kind != websocket.TextMessage {
			c.s.t.Errorf("the client sends what is no frame: %v", err)
			return
		}
		c.mu.Lock()
		if len(c.frames) == 0 && f.Type != protocol.TypeHello {
			c.s.t.Errorf("the first frame is %s, want hello", f.Type)
		}
		c.frames = append(c.frames, f)
		c.tell()
		deaf := c.deaf
		c.mu.Unlock()
		switch {
		case deaf:
		case f.Type == protocol.TypeHistory:
			page := c.s.page(f.Conversation, f.After, f.Before, f.Limit)
			c.say(protocol.ServerFrame{Type: protocol.TypeHistory, Conversation: f.Conversation, Ref: f.Ref, Entries: page.Entries, More: page.More})
		case f.Type == protocol.TypePing:
			c.say(protocol.ServerFrame{Type: protocol.TypePong, ServerTimeMS: time.Now().UnixMilli()})
		}
	}
}

// tell wakes who waits. The lock is held.
func (c *conn) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until what came satisfies.
func (c *conn) await(what string, ok func(all []frame) bool) {
	c.s.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		if ok(c.frames) {
			c.mu.Unlock()
			return
		}
		gone, changed, n := c.gone, c.changed, len(c.frames)
		c.mu.Unlock()
		if gone {
			c.s.t.Fatalf("the client ended the connection, want %s", what)
		}
		select {
		case <-changed:
		case <-deadline:
			c.s.t.Fatalf("after %s and %d frames no %s", patience, n, what)
		}
	}
}

// of returns the frames of these types, in order.
func (c *conn) of(types ...string) []frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	return filter(c.frames, types)
}

func filter(all []frame, types []string) []frame {
	var out []frame
	for _, f := range all {
		if slices.Contains(types, f.Type) {
			out = append(out, f)
		}
	}
	return out
}

// next waits for the nth frame of these types, from 1.
func (c *conn) next(n int, types ...string) frame {
	c.s.t.Helper()
	var got frame
	c.await(join(n, types), func(all []frame) bool {
		found := filter(all, types)
		if len(found) < n {
			return false
		}
		got = found[n-1]
		return true
	})
	return got
}

// change waits for the nth send, edit, delete or react of the connection.
func (c *conn) change(n int) frame {
	c.s.t.Helper()
	return c.next(n, changes...)
}

// mark waits for a cumulative mark of exactly seq.
func (c *conn) mark(kind, conversation string, seq uint64) {
	c.s.t.Helper()
	c.await(join(0, []string{kind}), func(all []frame) bool {
		return slices.ContainsFunc(all, func(f frame) bool { return f.Type == kind && f.Conversation == conversation && f.Seq == seq })
	})
}

func (c *conn) say(f protocol.ServerFrame) { c.sayRaw(f) }

// sayRaw says what a newer server might.
func (c *conn) sayRaw(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		c.s.t.Error(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(patience))
	_ = c.ws.WriteMessage(websocket.TextMessage, data)
}

func (c *conn) entries(conversation string, entries ...protocol.Entry) {
	c.say(protocol.ServerFrame{Type: protocol.TypeEntries, Conversation: conversation, Entries: entries})
}

func (c *conn) ack(f frame, seq uint64) {
	c.say(protocol.ServerFrame{Type: protocol.TypeAck, Conversation: f.Conversation, ClientMsgID: f.ClientMsgID, Seq: seq, AtMS: 1700000000000})
}

func (c *conn) refuse(f frame, code protocol.Code, afterMS uint32) {
	c.say(protocol.ServerFrame{Type: protocol.TypeError, Conversation: f.Conversation, ClientMsgID: f.ClientMsgID, Code: code, RetryAfterMS: afterMS})
}

// close ends the connection with a code; 1006 is the end without one.
func (c *conn) close(code int) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if code != websocket.CloseAbnormalClosure {
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, "scripted"), time.Now().Add(patience))
	}
	_ = c.ws.Close()
	return time.Now()
}

func (c *conn) ping() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience))
}

// ignore has the connection answer nothing any more.
func (c *conn) ignore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
	c.ws.SetPingHandler(func(string) error { return nil })
}
