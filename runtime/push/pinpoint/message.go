package pinpoint

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"

	"github.com/chatcluster/chatcluster/runtime/push"
)

const (
	// frameBytes is room for what the service and the platform add to title, body and data.
	frameBytes = 512
	// maxTitleBytes bounds the title, in JSON.
	maxTitleBytes = 512
	ellipsis      = "…"
)

// fit returns the message as it can be sent, or the reason why it cannot be.
func fit(m push.Message) (push.Message, string) {
	switch {
	case m.Address == "":
		return m, "no_address"
	case !m.Channel.Valid():
		return m, "unknown_channel"
	case len(m.CollapseID) > push.MaxCollapseIDBytes:
		return m, "collapse_id_too_long"
	}
	room := push.MaxPayloadBytes - frameBytes
	for k, v := range m.Data {
		room -= jsonBytes(k) + jsonBytes(v)
	}
	m.Title = cut(m.Title, min(maxTitleBytes, room))
	room -= jsonBytes(m.Title)
	if room < 0 {
		return m, "payload_too_large"
	}
	m.Body = cut(m.Body, room)
	return m, ""
}

// jsonBytes is a string's length in JSON, with quotes and a separator.
func jsonBytes(s string) int {
	b, _ := json.Marshal(s) // strings always marshal
	return len(b) + 1
}

// cut shortens s, by whole runes, until it takes at most limit bytes in JSON; what was cut shows as an ellipsis.
func cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if jsonBytes(s) <= limit {
		return s
	}
	const quotes = 3 // with the separator
	used, end := quotes+len(ellipsis), 0
	for end < len(s) {
		_, size := utf8.DecodeRuneInString(s[end:])
		if used += jsonBytes(s[end:end+size]) - quotes; used > limit {
			break
		}
		end += size
	}
	if end == 0 {
		return ""
	}
	return s[:end] + ellipsis
}

// calls splits the messages at the indexes into calls: equal but for their device, each address once, at most MaxAddresses.
func calls(messages []push.Message, indexes []int) [][]int {
	type group struct {
		call      int
		addresses map[string]push.Channel
	}
	var out [][]int
	groups := map[string][]*group{}
	for _, i := range indexes {
		m := messages[i]
		k := content(m)
		placed := false
		for _, g := range groups[k] {
			channel, there := g.addresses[m.Address]
			if there && channel == m.Channel { // the same push to the same phone: one answer serves both
				out[g.call] = append(out[g.call], i)
				placed = true
				break
			}
			if !there && len(g.addresses) < MaxAddresses {
				g.addresses[m.Address] = m.Channel
				out[g.call] = append(out[g.call], i)
				placed = true
				break
			}
		}
		if !placed {
			groups[k] = append(groups[k], &group{len(out), map[string]push.Channel{m.Address: m.Channel}})
			out = append(out, []int{i})
		}
	}
	return out
}

// content is what messages of a call have in common. The badge is APNs's alone: a message that goes elsewhere is not kept
// from any call by it.
func content(m push.Message) string {
	badge := ""
	if m.Badge != nil && isAPNs(m.Channel) {
		badge = strconv.Itoa(*m.Badge)
	}
	b, _ := json.Marshal([]any{m.Title, m.Body, badge, m.CollapseID, m.Data}) // strings always marshal
	return string(b)
}

// input builds the call for messages that differ in nothing but their device.
func input(application string, messages []push.Message, indexes []int) *pinpoint.SendMessagesInput {
	addresses := make(map[string]types.AddressConfiguration, len(indexes))
	config := &types.DirectMessageConfiguration{}
	for _, i := range indexes {
		m := messages[i]
		addresses[m.Address] = types.AddressConfiguration{ChannelType: types.ChannelType(m.Channel), Context: m.Data}
		switch m.Channel {
		case push.GCM:
			config.GCMMessage = &types.GCMMessage{
				Title: optional(m.Title), Body: &m.Body, CollapseKey: optional(m.CollapseID), Priority: aws.String("high"), Sound: aws.String("default"),
				PreferredAuthenticationMethod: aws.String("TOKEN"),
			}
		case push.ADM:
			config.ADMMessage = &types.ADMMessage{Title: optional(m.Title), Body: &m.Body, ConsolidationKey: optional(m.CollapseID), Sound: aws.String("default")}
		default:
			config.APNSMessage = &types.APNSMessage{
				Title: optional(m.Title), Body: &m.Body, CollapseId: optional(m.CollapseID), Priority: aws.String("10"), Sound: aws.String("default"),
				Badge: badge(m.Badge),
			}
		}
	}
	return &pinpoint.SendMessagesInput{
		ApplicationId:  &application,
		MessageRequest: &types.MessageRequest{Addresses: addresses, MessageConfiguration: config},
	}
}

func isAPNs(c push.Channel) bool { return c == push.APNS || c == push.APNSSandbox }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func badge(n *int) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(min(max(*n, 0), 99_999)))
}
