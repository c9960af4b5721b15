package recall

import (
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// memberSize is a conversation, a seq and a print.
const memberSize = 24

var errForm = errors.New("an answer of another form")

// member is a message as a member of a set.
func member(s Sent) string {
	b := make([]byte, 0, memberSize)
	b = binary.BigEndian.AppendUint64(b, s.Conv)
	b = binary.BigEndian.AppendUint64(b, s.Seq)
	return string(binary.BigEndian.AppendUint64(b, s.Print))
}

// parseKnown parses the answer of noteScript.
func parseKnown(cmd *redis.Cmd) (k Known, err error) {
	parts, err := cmd.Slice()
	if err != nil || len(parts) != 3 {
		return k, errors.Join(err, errForm)
	}
	first, ok := parts[0].(string)
	recent, ok2 := parts[1].([]any)
	contacts, ok3 := parts[2].([]any)
	if !ok || !ok2 || !ok3 {
		return k, errForm
	}
	k.First = millis(first)
	k.Recent = make([]Sent, 0, len(recent)/2)
	for i := 0; i+1 < len(recent); i += 2 {
		m, _ := recent[i].(string)
		at, _ := recent[i+1].(string)
		if len(m) != memberSize {
			continue // another version's
		}
		k.Recent = append(k.Recent, Sent{Conv: number(m[:8]), Seq: number(m[8:16]), Print: number(m[16:]), At: millis(at)})
	}
	for i := 0; i+1 < len(contacts); i += 2 {
		if m, _ := contacts[i].(string); m == "" {
			continue // that is when the sender was first seen
		}
		at, _ := contacts[i+1].(string)
		k.Contacts = append(k.Contacts, millis(at))
	}
	return k, nil
}

func number(s string) (n uint64) {
	for i := range len(s) {
		n = n<<8 | uint64(s[i])
	}
	return n
}

// millis is the time of a score.
func millis(score string) time.Time {
	n, err := strconv.ParseInt(score, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(score, 64)
		if err != nil {
			return time.Time{}
		}
		n = int64(f)
	}
	return time.UnixMilli(n)
}
