package gitops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// scriptTime is what Argo CD gives a script.
const scriptTime = time.Second

// Statuses that Argo CD knows.
const (
	Healthy     = "Healthy"
	Progressing = "Progressing"
	Degraded    = "Degraded"
	Suspended   = "Suspended"
)

// Health is what Argo CD shows of a resource.
type Health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// Run runs a health script of argocd-cm on an object, with the libraries that Argo CD opens for one (base, table, package) and
// no others, for at most a second. A status that Argo CD does not know is an error.
func Run(ctx context.Context, script string, object map[string]any) (Health, error) {
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	l.SetContext(ctx)
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return Health{}, fmt.Errorf("open Lua's library %q: %w", name, err)
		}
	}
	value, err := toLua(l, object)
	if err != nil {
		return Health{}, err
	}
	l.SetGlobal("obj", value)
	if err := l.DoString(script); err != nil {
		return Health{}, fmt.Errorf("the health script failed: %w", err)
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return Health{}, errors.New("the health script returned no table")
	}
	h := Health{Status: table.RawGetString("status").String(), Message: table.RawGetString("message").String()}
	if !slices.Contains([]string{Healthy, Progressing, Degraded, Suspended}, h.Status) {
		return h, fmt.Errorf("the health script returned the unknown status %q", h.Status)
	}
	return h, nil
}

// toLua takes what decoded JSON consists of.
func toLua(l *lua.LState, value any) (lua.LValue, error) {
	switch v := value.(type) {
	case nil:
		return lua.LNil, nil
	case bool:
		return lua.LBool(v), nil
	case string:
		return lua.LString(v), nil
	case float64:
		return lua.LNumber(v), nil
	case int64:
		return lua.LNumber(v), nil
	case []any:
		list := l.CreateTable(len(v), 0)
		for _, item := range v {
			one, err := toLua(l, item)
			if err != nil {
				return nil, err
			}
			list.Append(one)
		}
		return list, nil
	case map[string]any:
		table := l.CreateTable(0, len(v))
		for key, item := range v {
			one, err := toLua(l, item)
			if err != nil {
				return nil, err
			}
			table.RawSetString(key, one)
		}
		return table, nil
	}
	return nil, fmt.Errorf("no %T in Lua", value)
}
