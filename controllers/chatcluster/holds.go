package chatcluster

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// mergeKeys are the fields by which elements of lists are matched, as the API server does when it merges. Lists whose
// elements have none of them are compared by position.
var mergeKeys = []string{"name", "mountPath", "containerPort", "port", "uid", "topologyKey", "key"}

// missing lists what a live object lacks of what is desired, as "path: have → want". A typed live object does not know its
// kind, so that is not compared.
func missing(live, desired map[string]any) []string {
	var d drift
	for _, k := range slices.Sorted(maps.Keys(desired)) {
		if k != "apiVersion" && k != "kind" {
			d.compare(k, live[k], desired[k])
		}
	}
	return d
}

// drift collects what live lacks of desired. What live has beyond that is others': defaults of the API server, and fields of
// other owners, which server-side apply would leave alone, too.
type drift []string

func (d *drift) note(path string, live, desired any) {
	*d = append(*d, path+": "+brief(live)+" → "+brief(desired))
}

func (d *drift) compare(path string, live, desired any) {
	switch want := desired.(type) {
	case map[string]any:
		have, ok := live.(map[string]any)
		if !ok {
			if live != nil || !isZero(desired) {
				d.note(path, live, desired)
			}
			return
		}
		for _, k := range slices.Sorted(maps.Keys(want)) {
			d.compare(path+"."+k, have[k], want[k])
		}
	case []any:
		have, ok := live.([]any)
		if !ok {
			if live != nil || len(want) > 0 {
				d.note(path, live, desired)
			}
			return
		}
		d.compareList(path, have, want)
	default:
		if live == nil && isZero(desired) || live != nil && scalar(live) == scalar(desired) {
			return
		}
		d.note(path, live, desired)
	}
}

func (d *drift) compareList(path string, have, want []any) {
	key := keyOf(want)
	if key == "" {
		if len(have) != len(want) {
			d.note(path, have, want)
			return
		}
		for i := range want {
			d.compare(path+"["+strconv.Itoa(i)+"]", have[i], want[i])
		}
		return
	}
	for _, w := range want {
		value := w.(map[string]any)[key]
		var found any
		for _, h := range have {
			if hm, ok := h.(map[string]any); ok && scalar(hm[key]) == scalar(value) {
				found = h
				break
			}
		}
		d.compare(path+"["+brief(value)+"]", found, w)
	}
}

// brief is a value for a person to read.
func brief(v any) string {
	switch x := v.(type) {
	case nil:
		return "none"
	case map[string]any, []any:
		return "…"
	case string:
		return x
	default:
		return strings.TrimPrefix(scalar(x), "s")
	}
}

// keyOf is the merge key that every element has with a value of its own, empty when there is none.
func keyOf(list []any) string {
	for _, key := range mergeKeys {
		seen := map[string]bool{}
		for _, e := range list {
			m, ok := e.(map[string]any)
			if !ok {
				return ""
			}
			v, ok := m[key]
			if !ok || seen[scalar(v)] {
				break
			}
			seen[scalar(v)] = true
		}
		if len(list) > 0 && len(seen) == len(list) {
			return key
		}
	}
	return ""
}

// scalar makes numbers comparable whatever type they were decoded to.
func scalar(v any) string {
	switch n := v.(type) {
	case string:
		return "s" + n
	case bool:
		return strconv.FormatBool(n)
	case int64:
		return strconv.FormatInt(n, 10)
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return ""
}

// isZero tells whether v is what the API server leaves out when it writes an object.
func isZero(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, e := range x {
			if !isZero(e) {
				return false
			}
		}
		return true
	case []any:
		return len(x) == 0
	}
	return reflect.ValueOf(v).IsZero()
}
