package fraud

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/chatcluster/chatcluster/runtime/moderate/lists"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxEntries bounds each part of a list.
const maxEntries = 20_000

// List is a file of the folder, and the form of the built-in ones.
type List struct {
	// Tenant is whom it is for; empty: all.
	Tenant string `json:"tenant,omitempty"`
	// Protect are domains of which nobody may make a look-alike. They are trusted, as are those in Allow; links to those in Block are fraud. Each stands
	// for its subdomains as well. Block is stronger than Allow, and a longer entry than a shorter one.
	Protect []string `json:"protect,omitempty"`
	Allow   []string `json:"allow,omitempty"`
	Block   []string `json:"block,omitempty"`
	// Credentials, Payment and Urgency are phrases: words, with … for up to three others between and * where a word may go on.
	Credentials []string `json:"credentials,omitempty"`
	Payment     []string `json:"payment,omitempty"`
	Urgency     []string `json:"urgency,omitempty"`
}

// Check returns what is wrong with the list.
func (l *List) Check() error {
	for _, part := range []struct {
		key     string
		entries []string
		check   func(string) error
	}{
		{"protect", l.Protect, checkProtected}, {"allow", l.Allow, checkDomain}, {"block", l.Block, checkDomain},
		{"credentials", l.Credentials, checkPhrase}, {"payment", l.Payment, checkPhrase}, {"urgency", l.Urgency, checkPhrase},
	} {
		if len(part.entries) > maxEntries {
			return fmt.Errorf("%s: more than %d entries", part.key, maxEntries)
		}
		for i, e := range part.entries {
			if err := part.check(e); err != nil {
				return fmt.Errorf("%s: entry %d: %w", part.key, i+1, err)
			}
		}
	}
	return nil
}

func checkDomain(s string) error {
	if d := domain(s); !strings.Contains(d, ".") || strings.ContainsAny(d, "/:@ *") {
		return errors.New("not a domain, such as example.com")
	}
	return nil
}

func checkProtected(s string) error {
	if err := checkDomain(s); err != nil {
		return err
	}
	if own, err := publicsuffix.EffectiveTLDPlusOne(domain(s)); err != nil || own != domain(s) {
		return errors.New("not a domain that somebody can register, such as example.com")
	}
	return nil
}

// domain is a domain as links have it.
func domain(s string) string {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(s), "."))
	if decoded, err := idna.Punycode.ToUnicode(s); err == nil {
		return decoded
	}
	return s
}

//go:embed builtin/*.yaml
var builtinFiles embed.FS

func builtin(name string) (*List, error) {
	data, err := builtinFiles.ReadFile("builtin/" + name)
	if err != nil {
		return nil, err
	}
	return lists.Parse[List](data)
}

// book is which rules are whose.
type book struct {
	all     *rules
	tenants map[store.Tenant]*rules
}

func (b *book) of(t store.Tenant) *rules {
	if own, ok := b.tenants[t]; ok {
		return own
	}
	return b.all
}

// newBook makes lists ready: the built-in ones and those without a tenant are for all, a tenant's come on top.
func newBook(base, files []*List) *book {
	shared, own := base, map[store.Tenant][]*List{}
	for _, f := range files {
		if f.Tenant == "" {
			shared = append(shared[:len(shared):len(shared)], f)
		} else {
			own[store.Tenant(f.Tenant)] = append(own[store.Tenant(f.Tenant)], f)
		}
	}
	b := &book{all: newRules(nil, shared), tenants: map[store.Tenant]*rules{}}
	for tenant, files := range own {
		b.tenants[tenant] = newRules(b.all, files)
	}
	return b
}
