package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// FuzzDecode reads frames. What is read is JSON with a type, and what is not read is refused without repeating it.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"type":"send","after_seq":3}`, `{}`, `[`, `null`, `{"type":1}`, "\xff", `{"type":"read","seq":18446744073709551616}`,
		`{"type":"send","body":"\ud800","TYPE":"ping"}`, `{"type":"presence","users":["é",7]}`, `{"type":"send","body":"x"} {}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := decode(data)
		if err != nil {
			if !errors.Is(err, errBadFrame) || len(err.Error()) > 100 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("not an error for a client: %q", err)
			}
			return
		}
		if frame.Type == "" || !json.Valid(data) || checkShape(data) != nil {
			t.Errorf("%q was read as %+v", data, frame)
		}
		for _, s := range append(frame.Users, frame.Type, frame.Conversation, frame.ClientMsgID, frame.Body, frame.Emoji, frame.Device, frame.Ref) {
			if !utf8.ValidString(s) {
				t.Errorf("%q was read as %q, which is not UTF-8", data, s)
			}
		}
		again, err := json.Marshal(frame)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := decode(again); err != nil {
			t.Errorf("%s is written as %s: %v", data, again, err)
		} else if diff := cmp.Diff(frame, second); diff != "" {
			t.Errorf("the frame changed on its way, -first +second:\n%s", diff)
		}
	})
}

// FuzzShape compares with a parser: of what is JSON, exactly what is too deep or holds too much is refused. The input is repeated
// and nested, so that the bounds are met.
func FuzzShape(f *testing.F) {
	f.Add([]byte(`{"a":[1,"}\"]",{}]}`), uint16(0), uint8(0))
	f.Add([]byte(`"\\"`), uint16(4093), uint8(2))
	f.Add([]byte(`[[]]`), uint16(1), uint8(29))
	f.Add([]byte(`[[[]]]`), uint16(1), uint8(29))
	f.Add([]byte(`{"type":"ping"}`), uint16(1364), uint8(0))
	f.Add([]byte(`{`), uint16(40), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, more uint16, deep uint8) {
		if len(data) > 0 {
			more = min(more, uint16(protocol.MaxFrameBytes/2/(len(data)+1)))
		}
		frame := bytes.Repeat([]byte("["), int(deep))
		frame = append(frame, data...)
		frame = append(frame, bytes.Repeat(append([]byte(","), data...), int(more))...)
		frame = append(frame, bytes.Repeat([]byte("]"), int(deep))...)
		err := checkShape(frame)
		if !json.Valid(frame) {
			return // the parser refuses it
		}
		depth, tokens := measure(t, frame)
		if refuse := depth > protocol.MaxDepth || tokens > protocol.MaxTokens; (err != nil) != refuse {
			t.Errorf("%d deep with %d names, values and separators: %v", depth, tokens, err)
		}
	})
}

// measure is checkShape by way of a parser.
func measure(t *testing.T, data []byte) (depth, tokens int) {
	t.Helper()
	var open []int // how many values, names too, of each that is open
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return depth, tokens
		}
		if err != nil {
			t.Fatal(err)
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			tokens += max(open[len(open)-1]-1, 0) // all but the first have a comma or a colon before them
			open = open[:len(open)-1]
			continue
		}
		if len(open) > 0 {
			open[len(open)-1]++
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			tokens++
			open = append(open, 0)
			depth = max(depth, len(open))
		}
	}
}
