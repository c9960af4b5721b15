package sink

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// Bounds of SendMessages (API reference): addresses in a call, an APNs collapse id, payloads of APNs and FCM and of ADM.
const (
	maxAddresses       = 100
	maxCollapseID      = 64
	maxPayload         = 4 << 10
	maxPayloadADM      = 6 << 10
	maxAddressBytes    = 4 << 10
	statusSuccessful   = "SUCCESSFUL"
	statusPermanent    = "PERMANENT_FAILURE"
	providerBadPayload = "The payload is larger than the platform takes."
)

type sendRequest struct {
	Addresses            map[string]address
	Endpoints            map[string]json.RawMessage
	MessageConfiguration *struct {
		APNSMessage                    *message
		GCMMessage                     *message
		ADMMessage                     *message
		DefaultPushNotificationMessage *message
		DefaultMessage                 *message
	}
}

// address is AddressConfiguration.
type address struct {
	ChannelType   string
	BodyOverride  string
	TitleOverride string
	RawContent    string
	Context       map[string]string
}

// message is the union of the platforms' messages: what a screen shows of them, and what decides about that.
type message struct {
	Title, Body, RawContent string
	SilentPush              bool
	Badge                   *int
	CollapseID              string `json:"CollapseId"` // APNs
	CollapseKey             string // GCM
	ConsolidationKey        string // ADM
	Data                    map[string]string
}

func (m message) collapse() string { return m.CollapseID + m.CollapseKey + m.ConsolidationKey }

type result struct {
	DeliveryStatus string
	StatusCode     int
	StatusMessage  string
	MessageID      string `json:"MessageId"`
}

// refusal is a platform's answer as Pinpoint passes it on: a JSON object in a string.
func refusal(platform string, code int, providerCode, message string) result {
	status, _ := json.Marshal(map[string]string{ // strings always marshal
		"errorMessage": message, "channelType": platform, "pushProviderStatusCode": providerCode, "pushProviderError": message,
	})
	return result{DeliveryStatus: statusPermanent, StatusCode: code, StatusMessage: string(status), MessageID: newRequestID()}
}

func (s *Sink) sendMessages(r *request) (int, any, error) {
	var in sendRequest
	if err := r.decode(&in); err != nil {
		return 0, nil, err
	}
	switch {
	case len(in.Endpoints) > 0:
		return 0, nil, badRequest("Endpoints are no longer served: use Addresses.")
	case len(in.Addresses) == 0:
		return 0, nil, badRequest("Addresses is empty.")
	case len(in.Addresses) > maxAddresses:
		return 0, nil, badRequest("Addresses has more than 100 entries.")
	case in.MessageConfiguration == nil:
		return 0, nil, badRequest("MessageConfiguration is missing.")
	}
	for token, a := range in.Addresses {
		if !isPlatform(a.ChannelType) {
			return 0, nil, badRequest("A ChannelType is none of APNS, APNS_SANDBOX, APNS_VOIP, APNS_VOIP_SANDBOX, GCM and ADM.")
		}
		if token == "" || len(token) > maxAddressBytes {
			return 0, nil, badRequest("An address is empty or longer than 4 KiB.")
		}
	}
	fault, err := s.faultOfCall(r, in)
	if err != nil {
		return 0, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.app(r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	results := make(map[string]result, len(in.Addresses))
	for _, token := range slices.Sorted(maps.Keys(in.Addresses)) { // in an order, for faults that count
		f, faulty := s.faultOfAddress(a.ID, token)
		switch {
		case faulty && f.DeliveryStatus != "":
			results[token] = f.result()
		case faulty: // the phone has it, and the answer does not tell
			s.deliver(a, token, in.Addresses[token], in)
		default:
			results[token] = s.deliver(a, token, in.Addresses[token], in)
		}
	}
	if fault.Drop == DropAfter {
		panic(http.ErrAbortHandler) // net/http's way to close without an answer
	}
	return http.StatusOK, map[string]any{"ApplicationId": a.ID, "RequestId": newRequestID(), "Result": results}, nil
}

// deliver hands a push to a phone, or refuses it as the platform would. The caller holds the mutex.
func (s *Sink) deliver(a *app, token string, to address, in sendRequest) result {
	if !s.reaches(a, to.ChannelType) {
		return result{DeliveryStatus: statusPermanent, StatusCode: http.StatusBadRequest, MessageID: newRequestID(),
			StatusMessage: "No channel of type " + to.ChannelType + " is enabled for the application " + a.ID}
	}
	m, ok := in.forAddress(to)
	if !ok {
		return refusal(to.ChannelType, http.StatusBadRequest, "400", "There is no message for the channel.")
	}
	limit := maxPayload
	if to.ChannelType == "ADM" {
		limit = maxPayloadADM
	}
	if m.size(to) > limit {
		return refusal(to.ChannelType, http.StatusBadRequest, "413", providerBadPayload)
	}
	if len(m.collapse()) > maxCollapseID {
		return refusal(to.ChannelType, http.StatusBadRequest, "400", "BadCollapseId")
	}
	id := newRequestID()
	s.inbox.add(push{
		application: a.ID, channel: to.ChannelType, address: token,
		Shown: Shown{ID: id, At: now(), Title: m.Title, Body: m.Body, Badge: m.Badge, Silent: m.SilentPush,
			CollapseID: m.collapse(), Data: to.Context, Raw: m.RawContent},
	})
	return result{DeliveryStatus: statusSuccessful, StatusCode: http.StatusOK, MessageID: id, StatusMessage: id}
}

// reaches says whether the application's channel would carry the push.
func (s *Sink) reaches(a *app, platform string) bool {
	for _, c := range a.Channels {
		if c.Platform == platform {
			return c.Enabled
		}
	}
	return !s.requireChannels
}

// forAddress is the message that goes to an address: the channel's own or a default, with the address's overrides.
func (in sendRequest) forAddress(to address) (m message, ok bool) {
	c := in.MessageConfiguration
	own := c.APNSMessage
	switch to.ChannelType {
	case "GCM":
		own = c.GCMMessage
	case "ADM":
		own = c.ADMMessage
	}
	for _, candidate := range []*message{own, c.DefaultPushNotificationMessage, c.DefaultMessage} {
		if candidate != nil {
			m, ok = *candidate, true
			break
		}
	}
	if to.BodyOverride != "" {
		m.Body = to.BodyOverride
	}
	if to.TitleOverride != "" {
		m.Title = to.TitleOverride
	}
	if to.RawContent != "" {
		m.RawContent = to.RawContent
	}
	return m, ok || to.RawContent != ""
}

// size estimates the payload: what the platform's JSON holds beside a small frame.
func (m message) size(to address) int {
	if m.RawContent != "" {
		return len(m.RawContent)
	}
	const frame = 64
	n := frame + jsonLen(m.Title) + jsonLen(m.Body)
	for _, data := range []map[string]string{to.Context, m.Data} {
		for k, v := range data {
			n += jsonLen(k) + jsonLen(v)
		}
	}
	return n
}

// jsonLen is a string's length in JSON, quotes and escapes included.
func jsonLen(s string) int {
	b, _ := json.Marshal(s) // strings always marshal
	return len(b) + 1
}

func isPlatform(name string) bool {
	for _, p := range platforms {
		if p == name {
			return true
		}
	}
	return false
}
