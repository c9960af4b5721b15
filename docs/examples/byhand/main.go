package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"

	"github.com/gorilla/websocket"
)

// frame is what both sides say: its type says which fields count.
type frame struct {
	Type         string  `json:"type"`
	Token        string  `json:"token,omitempty"`
	Device       string  `json:"device,omitempty"`
	Platform     string  `json:"platform,omitempty"`
	Conversation string  `json:"conversation,omitempty"`
	ClientMsgID  string  `json:"client_msg_id,omitempty"`
	AfterSeq     uint64  `json:"after_seq,omitempty"`
	Seq          uint64  `json:"seq,omitempty"`
	Body         string  `json:"body,omitempty"`
	Entries      []entry `json:"entries,omitempty"`
	Code         string  `json:"code,omitempty"`
	Detail       string  `json:"detail,omitempty"`
}

type entry struct {
	Seq    uint64 `json:"seq"`
	Sender string `json:"sender"`
	Kind   string `json:"kind"`
	Body   string `json:"body"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: byhand URL TOKEN-FILE USER")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	token, err := os.ReadFile(os.Args[2])
	if err == nil {
		err = run(ctx, os.Args[1], strings.TrimSpace(string(token)), os.Args[3], os.Stdin, os.Stdout)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "byhand:", err)
		os.Exit(1)
	}
}

// run says everything in to a user, until it is acknowledged and has come back, or ctx ends.
func run(ctx context.Context, url, token, to string, in io.Reader, out io.Writer) error {
	conversation, err := direct(ctx, url, token, to)
	if err != nil {
		return err
	}
	dialer := websocket.Dialer{Subprotocols: []string{"chat.v1"}}
	ws, response, err := dialer.DialContext(ctx, url+"/v1/ws", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { _ = ws.Close() })()
	if err := ws.WriteJSON(frame{Type: "hello", Token: token, Device: "byhand", Platform: "cli"}); err != nil {
		return err
	}

	var lines []string
	for input := bufio.NewScanner(in); input.Scan(); {
		lines = append(lines, input.Text())
	}
	var seen, last uint64 // what this device has, and the last that it said
	for acknowledged := 0; acknowledged < len(lines) || seen < last; {
		var f frame
		if err := ws.ReadJSON(&f); err != nil {
			return err
		}
		switch f.Type {
		case "welcome":
			// All at once: up to 64 may be without an answer.
			for _, line := range lines {
				// A client that reconnects sends what has no answer again, with the same name, and it is stored once.
				send := frame{Type: "send", Conversation: conversation, ClientMsgID: rand.Text(), AfterSeq: seen, Body: line}
				if err := ws.WriteJSON(send); err != nil {
					return err
				}
			}
		case "entries":
			for _, e := range f.Entries {
				if f.Conversation != conversation || e.Seq <= seen {
					continue // entries come again: who has one passes over it
				}
				seen = e.Seq
				if e.Kind == "message" {
					fmt.Fprintf(out, "%d %s: %s\n", e.Seq, e.Sender, e.Body)
				}
			}
			// Kept by this device: it will not come again after the next hello.
			if err := ws.WriteJSON(frame{Type: "delivered", Conversation: f.Conversation, Seq: f.Entries[len(f.Entries)-1].Seq}); err != nil {
				return err
			}
		case "ack":
			acknowledged, last = acknowledged+1, max(last, f.Seq) // stored for good, under f.Seq
		case "error":
			return fmt.Errorf("refused with %s: %s", f.Code, f.Detail)
		}
	}
	return nil
}

// direct returns the id of the conversation with a user, which is one for each pair.
func direct(ctx context.Context, url, token, to string) (string, error) {
	body, err := json.Marshal(map[string]string{"kind": "direct", "user": to})
	if err != nil {
		return "", err
	}
	http1 := strings.Replace(url, "ws", "http", 1)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, http1+"/v1/conversations", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct{ ID, Code, Detail string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	if response.StatusCode >= 300 {
		return "", fmt.Errorf("refused with %s: %s", answer.Code, answer.Detail)
	}
	return answer.ID, nil
}
