package readmodel

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// previewRunes bounds a preview.
const previewRunes = 140

// Summary is what an inbox shows of a conversation. It is as of Head; one with a higher Head replaces it.
type Summary struct {
	Conv  store.Conv `json:"-"`
	Kind  string     `json:"kind"`
	Title string     `json:"title,omitempty"`
	// Head is the last seq, Count the countable messages up to it.
	Head  uint64 `json:"head"`
	Count uint64 `json:"count"`
	// LastSeq is the last countable message, 0 where there is none.
	LastSeq uint64 `json:"last_seq"`
	// LastAtMS is when it came, or when the conversation began.
	LastAtMS   int64  `json:"last_at_ms"`
	LastSender string `json:"last_sender,omitempty"`
	// LastPreview is at most 140 runes on one line.
	LastPreview string `json:"last_preview,omitempty"`
}

// Encode returns the summary as the cache keeps it.
func (s Summary) Encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		return nil // strings and numbers always marshal; a cache treats no data as missing
	}
	return data
}

// DecodeSummary reads what Encode wrote.
func DecodeSummary(c store.Conv, data []byte) (Summary, error) {
	s := Summary{Conv: c}
	if err := json.Unmarshal(data, &s); err != nil {
		return Summary{}, fmt.Errorf("summary of %s cannot be decoded", c)
	}
	return s, nil
}

// forget takes out what is not kept any more.
func (s *Summary) forget(keptFrom time.Time) {
	if time.UnixMilli(s.LastAtMS).Before(keptFrom) {
		s.LastSender, s.LastPreview = "", ""
	}
}

// previewOf is the preview of a message as members may see it.
func previewOf(m *logpb.Message) string {
	return preview(protocol.Moderated(m.GetBody(), m.GetVerdict()))
}

// preview returns the beginning of a body on one line.
func preview(body string) string {
	var b strings.Builder
	runes, space := 0, false
	for _, r := range body {
		switch {
		case unicode.IsSpace(r):
			space = runes > 0
			continue
		case unicode.IsControl(r):
			continue
		}
		if runes >= previewRunes-2 {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			runes++
			space = false
		}
		b.WriteRune(r)
		runes++
	}
	return b.String()
}

// column makes text that PostgreSQL takes: it has no zero byte. The entry beside it stays exact.
func column(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
