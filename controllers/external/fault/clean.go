package fault

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// maxMessage bounds a message, in bytes. A condition's may have 32,768, and there are several in it.
const maxMessage = 1024

var (
	requestID = regexp.MustCompile(`(?i),?\s*\(?request[ -]?id:?\s*[^\s,)]+\)?`)
	localPort = regexp.MustCompile(`((?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-fA-F:]+\]):\d+->`)
)

// Clean removes from a message what differs from one attempt to the next: request ids and ephemeral ports.
func Clean(message string) string {
	message = requestID.ReplaceAllString(message, "")
	message = localPort.ReplaceAllString(message, "")
	return strings.TrimSpace(message)
}

func clip(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	cut := maxMessage
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

// Network makes a transient Error of one that came from reaching service at all. It is nil for any other.
func Network(service string, err error) *Error {
	var netErr net.Error
	var opErr *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return &Error{Reason: v1alpha1.ReasonError, Message: service + ": interrupted", err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: v1alpha1.ReasonUnreachable, Message: service + " did not answer in time", err: err}
	case errors.As(err, &opErr):
		return &Error{Reason: v1alpha1.ReasonUnreachable, Message: service + " cannot be reached: " + Message(opErr), err: err}
	case errors.As(err, &netErr):
		return &Error{Reason: v1alpha1.ReasonUnreachable, Message: service + " cannot be reached: " + Message(netErr), err: err}
	}
	return nil
}

// deniedCodes are the codes of AWS errors that speak of credentials and permissions.
var deniedCodes = map[string]bool{
	"AccessDenied": true, "AccessDeniedException": true, "UnrecognizedClientException": true, "InvalidClientTokenId": true,
	"InvalidSignatureException": true, "SignatureDoesNotMatch": true, "ExpiredToken": true, "ExpiredTokenException": true,
	"MissingAuthenticationTokenException": true, "ForbiddenException": true, "OptInRequired": true, "IncompleteSignature": true,
}

// terminalCodes are the codes of AWS errors that the same request will always meet.
var terminalCodes = map[string]bool{"ValidationException": true, "BadRequestException": true, "InvalidParameterException": true}

// limitCodes are the codes of AWS errors that speak of how often or how much at once.
var limitCodes = map[string]bool{"LimitExceededException": true, "ThrottlingException": true, "TooManyRequestsException": true, "RequestLimitExceeded": true}

// AWS gives an error of the AWS SDK its kind. doing says what was tried, such as "create table x".
func AWS(service, doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		code := api.ErrorCode()
		e := &Error{Reason: v1alpha1.ReasonError, err: err}
		e.Message = clip(service + ": " + doing + ": " + code + ": " + Clean(api.ErrorMessage()))
		switch {
		case deniedCodes[code]:
			e.Reason, e.Terminal = v1alpha1.ReasonAccessDenied, true
		case limitCodes[code]:
			e.Reason = v1alpha1.ReasonLimited
		case terminalCodes[code]:
			e.Reason, e.Terminal = v1alpha1.ReasonInvalid, true
		}
		return e
	}
	if e := Network(service, err); e != nil {
		return e
	}
	var noCredentials *aws.MissingRegionError
	if errors.As(err, &noCredentials) || strings.Contains(err.Error(), "get identity: get credentials") {
		return &Error{Reason: v1alpha1.ReasonAccessDenied, Message: service + ": " + doing + ": no credentials were found", err: err}
	}
	return &Error{Reason: v1alpha1.ReasonError, Message: clip(service + ": " + doing + ": " + Clean(err.Error())), err: err}
}

// Code is the code of an AWS error, empty for any other.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
