package protocol

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Gateways and chat pods check alike: what a gateway lets through is not refused as malformed behind it.

// CheckBody says what is wrong with the body of a message, and the code to refuse it with: none when nothing is.
func CheckBody(body string) (Code, error) {
	switch {
	case body == "":
		return CodeInvalid, errors.New("body is empty")
	case len(body) > MaxBodyBytes:
		return CodeTooLarge, fmt.Errorf("body is larger than %d bytes", MaxBodyBytes)
	case !utf8.ValidString(body):
		return CodeInvalid, errors.New("body is not UTF-8")
	}
	return "", nil
}

// CheckEmoji takes what may be one emoji: which sequences of runes are one changes with every version of Unicode, so only what
// never is gets refused.
func CheckEmoji(emoji string) error {
	switch {
	case emoji == "":
		return errors.New("emoji is empty")
	case len(emoji) > MaxEmojiBytes:
		return fmt.Errorf("emoji is longer than %d bytes", MaxEmojiBytes)
	case !utf8.ValidString(emoji):
		return errors.New("emoji is not UTF-8")
	}
	for _, r := range emoji {
		const information = '\u2139' // a letter by its class
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.IsLetter(r) && r != information {
			return errors.New("emoji is not one emoji")
		}
	}
	return nil
}
