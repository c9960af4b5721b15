package chatcluster

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Roles are the AWS roles that namespaces may have assumed: patterns of role ARNs by namespace, "*" for any namespace.
type Roles map[string][]string

// ParseRoles reads "namespace=pattern" pairs, comma-separated. In a pattern, * stands for any characters but a slash.
func ParseRoles(s string) (Roles, error) {
	roles := Roles{}
	var errs []error
	for pair := range strings.SplitSeq(s, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		namespace, pattern, found := strings.Cut(pair, "=")
		if _, err := path.Match(pattern, ""); err != nil || !found || namespace == "" || !strings.HasPrefix(pattern, "arn:") {
			errs = append(errs, fmt.Errorf("%q is not namespace=arn:…", pair))
			continue
		}
		roles[namespace] = append(roles[namespace], pattern)
	}
	return roles, errors.Join(errs...)
}

// allow tells whether a namespace may have a role assumed.
func (r Roles) allow(namespace, arn string) bool {
	return slices.ContainsFunc(slices.Concat(r[namespace], r["*"]), func(pattern string) bool {
		ok, err := path.Match(pattern, arn)
		return err == nil && ok
	})
}

// externalID is what a role's trust policy should ask for: a namespace that names another's role brings its own name along.
func (r *Reconciler) externalID(namespace string) string {
	return r.Options.Operator + "/" + namespace
}
