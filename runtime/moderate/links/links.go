package links

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// MaxLinks is how many links of a body are found.
const MaxLinks = 32

// maxHost is how long a host may be.
const maxHost = 253

// Link is a link of a body.
type Link struct {
	// Host is in lower case and decoded; Domain is what of it somebody can register, "" for an address of IP.
	Host, Domain string
	// User is what is before an @ in front of the host.
	User string
	// Text is what Markdown shows instead.
	Text string
	// IP says that the host is an address, Encoded that it was in punycode.
	IP, Encoded bool
	// Start and Length are its runes of the body; with Markdown, all of it.
	Start, Length uint32
}

// Find returns the links of a body.
func Find(body string) []Link {
	if !strings.ContainsAny(body, ".:。．｡") {
		return nil
	}
	var found []Link
	text := -1 // where the text of a Markdown link may have begun, after its [
	for i := 0; i < len(body) && len(found) < MaxLinks; {
		switch c := body[i]; {
		case c == '[':
			text = i + 1
			i++
		case c == ']' && text >= 0 && strings.HasPrefix(body[i:], "]("):
			from := i + 2
			end := from + strings.IndexByte(body[from:], ')')
			if end < from {
				i++
				continue
			}
			if l, n := at(body[from:end], true); n > 0 {
				l.Text = body[text:i]
				found = append(overlapping(found, text-1), l.within(text-1, end+1))
			}
			text, i = -1, end+1
		case hostByte(c) || c >= utf8.RuneSelf:
			n, dotted := wordEnd(body[i:])
			if dotted && (i == 0 || body[i-1] != '@') {
				if l, length := at(body[i:i+n], false); length > 0 {
					found = append(found, l.within(i, i+length))
				}
			}
			i += max(n, 1)
		default:
			i++
		}
	}
	return runes(body, found)
}

// overlapping returns links without those that begin after a place: they are the text of another.
func overlapping(found []Link, from int) []Link {
	for len(found) > 0 && int(found[len(found)-1].Start) >= from {
		found = found[:len(found)-1]
	}
	return found
}

// within says where a link is, in bytes.
func (l Link) within(from, to int) Link {
	l.Start, l.Length = uint32(from), uint32(to-from)
	return l
}

// runes makes bytes runes.
func runes(body string, found []Link) []Link {
	at, counted := 0, uint32(0)
	for i := range found {
		from, to := int(found[i].Start), int(found[i].Start+found[i].Length)
		counted += uint32(utf8.RuneCountInString(body[at:from]))
		found[i].Length = uint32(utf8.RuneCountInString(body[from:to]))
		found[i].Start, at = counted, from
	}
	return found
}

// wordEnd returns where a word ends that may be a link, and whether it has what every link has: a dot, or what one may be instead.
func wordEnd(s string) (n int, dotted bool) {
	for n < len(s) {
		c := s[n]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[n:])
			if unicode.IsSpace(r) {
				return n, dotted
			}
			dotted = dotted || r > 0x3000
			n += size
			continue
		case c <= ' ', strings.IndexByte(`<>"'()[]{}|,`, c) >= 0:
			return n, dotted
		case c == '.', c == ':':
			dotted = true
		}
		n++
	}
	return n, dotted
}

// at returns the link at the beginning of a word, and how many bytes it is long; 0: there is none. A Markdown link's address is trusted to be one.
func at(word string, markdown bool) (l Link, length int) {
	rest, scheme := word, false
	if before, after, ok := strings.Cut(word, "://"); ok && isScheme(before) {
		rest, scheme = after, true
	}
	authority := rest
	if n := strings.IndexAny(rest, `/?#\`); n >= 0 {
		authority = rest[:n]
	}
	if n := strings.LastIndexByte(authority, '@'); n >= 0 {
		if !scheme {
			return l, 0 // a mail address
		}
		l.User, authority = authority[:n], authority[n+1:]
	}
	host, _, port := strings.Cut(authority, ":")
	if port && !scheme && !markdown && !isPort(authority[len(host)+1:]) {
		return l, 0
	}
	host = strings.TrimRight(dots.Replace(host), ".!?;*_~")
	if !l.host(host, scheme || markdown, len(authority) < len(rest)) {
		return l, 0
	}
	return l, len(strings.TrimRight(word, ".!?;:*_~"))
}

var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

func isScheme(s string) bool {
	return s != "" && len(s) <= 16 && strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 || !unicode.IsLetter(r) && r != '+' && r != '-' && r != '.' }) < 0
}

func isPort(s string) bool {
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

func hostByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// files are suffixes that a name alone has more often as a file.
var files = map[string]bool{"py": true, "md": true, "sh": true, "rs": true}

// host fills in the host; false: it is none. Meant says that it is written as a link, path that a path follows.
func (l *Link) host(host string, meant, path bool) bool {
	if host == "" || len(host) > maxHost {
		return false
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		l.Host, l.IP = ip.String(), true
		return meant || path
	}
	if !strings.Contains(host, ".") || strings.Contains(host, "..") || strings.HasPrefix(host, ".") ||
		strings.IndexFunc(host, func(r rune) bool {
			return r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
		}) >= 0 {
		return false
	}
	host = strings.ToLower(host)
	if decoded, err := idna.Punycode.ToUnicode(host); err == nil && decoded != host {
		host, l.Encoded = strings.ToLower(decoded), true
	}
	ascii, err := idna.Punycode.ToASCII(host)
	if err != nil {
		ascii = host
	}
	suffix, icann := publicsuffix.PublicSuffix(ascii)
	if !meant && (!icann && !strings.Contains(suffix, ".") || files[suffix] && !path) {
		return false
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(ascii)
	if err != nil {
		return false
	}
	if decoded, err := idna.Punycode.ToUnicode(domain); err == nil {
		domain = decoded
	}
	l.Host, l.Domain = host, domain
	return true
}
