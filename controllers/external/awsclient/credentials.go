package awsclient

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
)

// Static are credentials from a file.
type Static struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// errNoProfile says what is missing and nothing of what is there.
var errNoProfile = errors.New(`no profile "default" with aws_access_key_id and aws_secret_access_key`)

// ParseCredentials reads the default profile of a file in the AWS shared-credentials format.
func ParseCredentials(file []byte) (Static, error) {
	var s Static
	inDefault := false
	scanner := bufio.NewScanner(bytes.NewReader(file))
	for scanner.Scan() {
		line := strings.TrimSpace(scanner.Text())
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			continue
		case line[0] == '[':
			inDefault = strings.TrimSpace(strings.Trim(line, "[]")) == "default"
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !inDefault || !found {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "aws_access_key_id":
			s.AccessKeyID = value
		case "aws_secret_access_key":
			s.SecretAccessKey = value
		case "aws_session_token":
			s.SessionToken = value
		}
	}
	if scanner.Err() != nil || s.AccessKeyID == "" || s.SecretAccessKey == "" {
		return Static{}, errNoProfile
	}
	return s, nil
}
