package iam

import (
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Module is the import path of the code that is looked at.
const Module = "github.com/chatcluster/chatcluster"

// Code is the packages that the policies are made from, by their path below the module.
type Code map[string]*packages.Package

// Load type-checks packages of the module whose root is dir. What they import is taken from the build cache.
func Load(dir string, paths ...string) (Code, error) {
	patterns := make([]string, len(paths))
	for i, p := range paths {
		patterns[i] = "./" + p
	}
	list, err := packages.Load(&packages.Config{
		Dir:  dir,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
	}, patterns...)
	if err != nil {
		return nil, err
	}
	code := Code{}
	for _, p := range list {
		for _, e := range p.Errors {
			return nil, e
		}
		code[strings.TrimPrefix(p.PkgPath, Module+"/")] = p
	}
	return code, nil
}

// methods are the names of an interface's methods.
func (c Code) methods(path, name string) ([]string, error) {
	p, ok := c[path]
	if !ok {
		return nil, fmt.Errorf("package %s is not loaded", path)
	}
	object := p.Types.Scope().Lookup(name)
	if object == nil {
		return nil, fmt.Errorf("%s has no %s", path, name)
	}
	return methodsOf(object.Type())
}

func methodsOf(t types.Type) ([]string, error) {
	i, ok := t.Underlying().(*types.Interface)
	if !ok {
		return nil, fmt.Errorf("%s is no interface", t)
	}
	var names []string
	for m := range i.Methods() {
		names = append(names, m.Name())
	}
	return names, nil
}

// reached is everything that a function uses: the objects, and the syntax, of itself and of what it reaches in its own package.
type reached struct {
	info    *types.Info
	objects map[string]bool // "path.Name" or "path.Type.Method"
	bodies  []ast.Node
}

// reach follows a package's functions and variables from one function, named "F" or "T.M".
func (c Code) reach(path, from string) (reached, error) {
	p, ok := c[path]
	if !ok {
		return reached{}, fmt.Errorf("package %s is not loaded", path)
	}
	declared := map[types.Object]ast.Node{}
	var start types.Object
	for _, f := range p.Syntax {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				object := p.TypesInfo.Defs[d.Name]
				declared[object] = d
				if nameOf(object) == path+"."+from {
					start = object
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						for _, name := range v.Names {
							declared[p.TypesInfo.Defs[name]] = v
						}
					}
				}
			}
		}
	}
	if start == nil {
		return reached{}, fmt.Errorf("%s has no function %s", path, from)
	}
	r := reached{info: p.TypesInfo, objects: map[string]bool{}}
	seen := map[types.Object]bool{start: true}
	for queue := []types.Object{start}; len(queue) > 0; queue = queue[1:] {
		body := declared[queue[0]]
		r.bodies = append(r.bodies, body)
		ast.Inspect(body, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			object := p.TypesInfo.Uses[id]
			if object == nil {
				return true
			}
			r.objects[nameOf(object)] = true
			if declared[object] != nil && !seen[object] {
				seen[object] = true
				queue = append(queue, object)
			}
			return true
		})
	}
	return r, nil
}

// nameOf is an object's name below the module, with its type's where it is a method.
func nameOf(object types.Object) string {
	path := ""
	if object.Pkg() != nil {
		path = strings.TrimPrefix(object.Pkg().Path(), Module+"/") + "."
	}
	fn, ok := object.(*types.Func)
	if !ok {
		return path + object.Name()
	}
	receiver := fn.Signature().Recv()
	if receiver == nil {
		return path + object.Name()
	}
	t := receiver.Type()
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	named, ok := t.(*types.Named)
	if !ok {
		return path + object.Name()
	}
	return path + named.Obj().Name() + "." + object.Name()
}

// literals calls f for each composite literal in what is reached.
func (r reached) literals(f func(*ast.CompositeLit, types.Type)) {
	for _, b := range r.bodies {
		ast.Inspect(b, func(n ast.Node) bool {
			if l, ok := n.(*ast.CompositeLit); ok {
				f(l, r.info.TypeOf(l))
			}
			return true
		})
	}
}

// handed are the methods that what is reached can call of values of a type: those of every interface that such a value, or a struct
// that embeds one, becomes, and those called on it directly.
func (r reached) handed(is func(types.Type) bool) []string {
	found := map[string]bool{}
	becomes := func(value ast.Expr, target types.Type) {
		if target == nil || !carries(r.info.TypeOf(value), is) || is(target) {
			return
		}
		names, err := methodsOf(target)
		if err != nil {
			return // a struct that keeps it: what is called of that is seen where it is called
		}
		for _, n := range names {
			found[n] = true
		}
	}
	for _, b := range r.bodies {
		ast.Inspect(b, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				signature, ok := r.info.TypeOf(n.Fun).(*types.Signature)
				if !ok {
					return true
				}
				for i, arg := range n.Args {
					if i < signature.Params().Len() {
						becomes(arg, signature.Params().At(i).Type())
					}
				}
			case *ast.CompositeLit:
				s, ok := r.info.TypeOf(n).Underlying().(*types.Struct)
				if !ok {
					return true
				}
				for i, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						becomes(kv.Value, r.info.TypeOf(kv.Key))
						continue
					}
					becomes(e, s.Field(i).Type())
				}
			case *ast.SelectorExpr:
				if s := r.info.Selections[n]; s != nil && s.Kind() == types.MethodVal && is(s.Recv()) {
					found[n.Sel.Name] = true
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// carries tells whether t is, or is a struct that embeds, what is looked for.
func carries(t types.Type, is func(types.Type) bool) bool {
	if t == nil {
		return false
	}
	if is(t) {
		return true
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range s.Fields() {
		if f.Embedded() && is(f.Type()) {
			return true
		}
	}
	return false
}

// named tells whether a type, or what it points to, is the one at path.name.
func named(path, name string) func(types.Type) bool {
	return func(t types.Type) bool {
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem()
		}
		n, ok := t.(*types.Named)
		return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == Module+"/"+path && n.Obj().Name() == name
	}
}
