package profanity

import (
	"slices"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// book is which dictionaries count for whom.
type book struct {
	all     []*dictionary
	tenants map[store.Tenant][]*dictionary
}

// of returns a tenant's dictionaries.
func (b *book) of(t store.Tenant) []*dictionary {
	if own, ok := b.tenants[t]; ok {
		return own
	}
	return b.all
}

// newBook makes the files ready: those without a tenant are for all.
func newBook(locales []string, files []*List) *book {
	byTenant := map[store.Tenant][]*List{}
	for _, f := range files {
		byTenant[store.Tenant(f.Tenant)] = append(byTenant[store.Tenant(f.Tenant)], f)
	}
	shared, own := ready(byTenant[""])
	if len(own) > 0 {
		locales = own
	}
	b := &book{all: append(locale(locales), shared...), tenants: map[store.Tenant][]*dictionary{}}
	for tenant, its := range byTenant {
		if tenant == "" {
			continue
		}
		d, own := ready(its)
		if len(own) == 0 {
			own = locales
		}
		b.tenants[tenant] = slices.Concat(locale(own), shared, d)
	}
	return b
}

func locale(names []string) []*dictionary {
	var out []*dictionary
	for _, name := range names {
		out = append(out, builtIn()[name])
	}
	return out
}

// ready returns lists as one dictionary, none where there are none, and the locales that they name.
func ready(files []*List) (d []*dictionary, locales []string) {
	if len(files) == 0 {
		return nil, nil
	}
	one := &dictionary{}
	for _, f := range files {
		one.add(f)
		for _, name := range f.Locales {
			if !slices.Contains(locales, name) {
				locales = append(locales, name)
			}
		}
	}
	return []*dictionary{one}, locales
}
