package kafka

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// operations are what the pods need of topics and groups whose names start with the prefix: to write, to read, to find out
// what is there, and to commit.
func operations(prefix string) (topics, groups *kadm.ACLBuilder) {
	topics = kadm.NewACLs().Topics(prefix).Operations(kadm.OpRead, kadm.OpWrite, kadm.OpDescribe, kadm.OpDescribeConfigs)
	groups = kadm.NewACLs().Groups(prefix).Operations(kadm.OpRead, kadm.OpDescribe)
	for _, b := range []*kadm.ACLBuilder{topics, groups} {
		b.ResourcePatternType(kadm.ACLPatternPrefixed)
	}
	return topics, groups
}

// rightsEach is how many ACLs a principal gets.
const rightsEach = 6

// EnsureAccess gives each of the principals what pods need and tells for how many it had to.
func EnsureAccess(ctx context.Context, admin Admin, principals []string, prefix string) (changes int, err error) {
	have, err := admin.Allowed(ctx, prefix)
	if err != nil {
		return 0, classify("list ACLs", err)
	}
	var lacking []string
	for _, p := range principals {
		if have[p] < rightsEach {
			lacking = append(lacking, p)
		}
	}
	if len(lacking) == 0 {
		return 0, nil
	}
	return len(lacking), classify("create ACLs", admin.Allow(ctx, lacking, prefix))
}

// RemoveAccess takes from the principals what EnsureAccess gave them.
func RemoveAccess(ctx context.Context, admin Admin, principals []string, prefix string) error {
	have, err := admin.Allowed(ctx, prefix)
	if err != nil {
		return classify("list ACLs", err)
	}
	principals = slices.DeleteFunc(slices.Clone(principals), func(p string) bool { return have[p] == 0 })
	if len(principals) == 0 {
		return nil
	}
	return classify("delete ACLs", admin.Disallow(ctx, principals, prefix))
}

// Allowed implements Admin.
func (c *Client) Allowed(ctx context.Context, prefix string) (map[string]int, error) {
	found := map[string]int{}
	topics, groups := operations(prefix)
	for _, b := range []*kadm.ACLBuilder{topics, groups} {
		results, err := c.admin.DescribeACLs(ctx, b.Allow().AllowHosts())
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			if r.Err != nil {
				return nil, explain(r.Err, r.ErrMessage)
			}
			for _, acl := range r.Described {
				if acl.Permission == kmsg.ACLPermissionTypeAllow && acl.Host == "*" {
					found[acl.Principal]++
				}
			}
		}
	}
	return found, nil
}

// Allow implements Admin.
func (c *Client) Allow(ctx context.Context, principals []string, prefix string) error {
	topics, groups := operations(prefix)
	var errs []error
	for _, b := range []*kadm.ACLBuilder{topics, groups} {
		results, err := c.admin.CreateACLs(ctx, b.Allow(principals...).AllowHosts())
		errs = append(errs, err)
		for _, r := range results {
			errs = append(errs, explain(r.Err, r.ErrMessage))
		}
	}
	return errors.Join(errs...)
}

// Disallow implements Admin.
func (c *Client) Disallow(ctx context.Context, principals []string, prefix string) error {
	topics, groups := operations(prefix)
	var errs []error
	for _, b := range []*kadm.ACLBuilder{topics, groups} {
		results, err := c.admin.DeleteACLs(ctx, b.Allow(principals...).AllowHosts("*"))
		errs = append(errs, err)
		for _, r := range results {
			errs = append(errs, explain(r.Err, r.ErrMessage))
		}
	}
	return errors.Join(errs...)
}
