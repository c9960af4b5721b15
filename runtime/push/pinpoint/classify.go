package pinpoint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"

	"github.com/chatcluster/chatcluster/runtime/push"
)

// Reasons of our own.
const (
	reasonNotSent     = "not_sent"
	reasonNoAnswer    = "no_answer"
	reasonCallRefused = "call_refused"
	reasonNoChannel   = "no_channel"
	reasonOptOut      = "opt_out"
	reasonOther       = "other"
)

// words are the reasons that may be passed on: whatever else a platform says could hold a token. The first that occurs is
// taken, so the more telling ones come first.
var words = []string{
	"BadDeviceToken", "DeviceTokenNotForTopic", "ExpiredToken", "NotRegistered", "Unregistered", "SENDER_ID_MISMATCH", "MismatchSenderId",
	"InvalidRegistration", "INVALID_ARGUMENT", "ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken", "BadCertificate",
	"BadCertificateEnvironment", "THIRD_PARTY_AUTH_ERROR", "TopicDisallowed", "BadTopic", "BadCollapseId", "PayloadTooLarge", "MessageTooLarge",
	"TooManyRequests", "TooManyProviderTokenUpdates", "QUOTA_EXCEEDED", "UNAVAILABLE", "InternalServerError", "INTERNAL",
	// The service's own codes, of calls that fail as a whole.
	"BadRequestException", "ForbiddenException", "AccessDeniedException", "NotFoundException", "PayloadTooLargeException", "TooManyRequestsException",
	"InternalServerErrorException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException", "ThrottlingException",
	"MissingAuthenticationTokenException",
}

// ours are reasons that blame the message, or the application, and never the token.
var ours = []string{"TopicDisallowed", "BadTopic", "BadCollapseId", "PayloadTooLarge", "MessageTooLarge", "BadCertificate", "BadCertificateEnvironment"}

// known returns the word that text holds, or other.
func known(text, other string) string {
	for _, w := range words {
		if strings.EqualFold(text, w) {
			return w
		}
	}
	lower := strings.ToLower(text)
	for _, w := range words {
		if strings.Contains(lower, strings.ToLower(w)) {
			return w
		}
	}
	return other
}

// said is what the platform said, as far as StatusMessage tells.
type said struct {
	code int    // the platform's status, 0 when it is not told
	text string // the platform's words; where there is no telling them apart, the whole message
}

// parse reads a StatusMessage: a JSON object in newer answers, words in others.
func parse(message string) said {
	var fields map[string]any
	if json.Unmarshal([]byte(message), &fields) != nil || fields == nil {
		return said{text: message}
	}
	text := func(name string) string {
		for k, v := range fields { // case differs between channels
			if v != nil && strings.EqualFold(k, name) {
				return fmt.Sprint(v)
			}
		}
		return ""
	}
	s := said{text: text("pushProviderError") + " " + text("pushProviderResponse")}
	if n, err := strconv.Atoi(strings.TrimSpace(text("pushProviderStatusCode"))); err == nil {
		s.code = n
	}
	if s.code == 0 && strings.TrimSpace(s.text) == "" {
		s.text = message
	}
	return s
}

// classify turns the answer for an address into an outcome.
func classify(r types.MessageResult) push.Result {
	s := parse(aws.ToString(r.StatusMessage))
	result := func(o push.Outcome) push.Result { return push.Result{Outcome: o, Reason: known(s.text, reasonOther)} }
	switch r.DeliveryStatus {
	case types.DeliveryStatusSuccessful, types.DeliveryStatusDuplicate:
		return push.Result{Outcome: push.Delivered}
	case types.DeliveryStatusOptOut:
		return push.Result{Outcome: push.Invalid, Reason: reasonOptOut}
	case types.DeliveryStatusThrottled:
		return result(push.Throttled)
	case types.DeliveryStatusPermanentFailure:
		return s.refusal(int(aws.ToInt32(r.StatusCode)))
	case types.DeliveryStatusTemporaryFailure:
		if s.code == http.StatusTooManyRequests {
			return result(push.Throttled)
		}
		return result(push.Retry)
	default: // UNKNOWN_FAILURE, TIMEOUT, and what may come
		return result(push.Retry)
	}
}

// refusal reads a permanent failure. service is the service's own status, which counts only where the platform's is not told.
func (s said) refusal(service int) push.Result {
	code := s.code
	if code == 0 {
		code = service
	}
	reason := known(s.text, reasonOther)
	lower := strings.ToLower(s.text)
	result := func(o push.Outcome) push.Result { return push.Result{Outcome: o, Reason: reason} }
	strike := push.Result{Outcome: push.Invalid, Reason: reason, Strike: true}
	switch {
	case strings.Contains(lower, "no channel of type"):
		return push.Result{Outcome: push.Invalid, Reason: reasonNoChannel}
	case reason == "BadDeviceToken", reason == "DeviceTokenNotForTopic", reason == "SENDER_ID_MISMATCH", reason == "MismatchSenderId":
		// The token is of another environment, app or sender: ours may be the wrong one, so it stays for now.
		return strike
	case code == http.StatusGone, reason == "Unregistered", reason == "NotRegistered":
		return result(push.Unregistered)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return result(push.Failed) // credentials
	case code == http.StatusTooManyRequests:
		return result(push.Throttled)
	case code >= http.StatusInternalServerError:
		return result(push.Retry)
	case code == http.StatusRequestEntityTooLarge, slices.Contains(ours, reason):
		return result(push.Invalid)
	default:
		return strike
	}
}
