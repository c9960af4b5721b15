package chatcluster

import (
	"reflect"
	"strconv"
)

// mergeKeys are the fields by which elements of lists are matched, as the API server does when it merges. Lists whose
// elements have none of them are compared by position.
var mergeKeys = []string{"name", "mountPath", "containerPort", "port", "uid", "topologyKey", "key"}

// holdsObject is holds for whole objects. A typed live object does not know its kind, so that is not compared.
func holdsObject(live, desired map[string]any) bool {
	for k, v := range desired {
		if k != "apiVersion" && k != "kind" && !holds(live[k], v) {
			return false
		}
	}
	return true
}

// holds tells whether everything in desired stands in live. What live has beyond that is others': defaults of the API
// server, and fields of other owners, which server-side apply would leave alone, too.
func holds(live, desired any) bool {
	switch want := desired.(type) {
	case map[string]any:
		have, ok := live.(map[string]any)
		if !ok {
			return live == nil && isZero(desired)
		}
		for k, v := range want {
			if !holds(have[k], v) {
				return false
			}
		}
		return true
	case []any:
		have, ok := live.([]any)
		if !ok {
			return live == nil && len(want) == 0
		}
		return holdsList(have, want)
	}
	if live == nil {
		return isZero(desired)
	}
	return scalar(live) == scalar(desired)
}

func holdsList(have, want []any) bool {
	key := keyOf(want)
	if key == "" {
		if len(have) != len(want) {
			return false
		}
		for i := range want {
			if !holds(have[i], want[i]) {
				return false
			}
		}
		return true
	}
	for _, w := range want {
		found := false
		for _, h := range have {
			if hm, ok := h.(map[string]any); ok && scalar(hm[key]) == scalar(w.(map[string]any)[key]) {
				found = holds(h, w)
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
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
