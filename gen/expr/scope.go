package expr

import (
	"go/token"
	"go/types"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// checker makes Go types of a machine's, and scopes of what is in reach.
type checker struct {
	m     *model.Machine
	types []*model.Named // all that expressions can name
	diags *diag.List
	table *Table

	named    map[*model.Named]types.Type
	duration types.Type
	time     types.Type
	context  types.Type
	plain    *scope // without an event
}

// scope is a package in whose scope expressions are checked.
type scope struct {
	pkg     *types.Package
	noEvent string          // why there is no event here; empty if there is one
	reach   string          // the names that there are, for people
	bare    map[string]bool // the fields of event that are in reach without it; nil for none
}

// parseDuration is what duration("5s") is checked as: a name that no expression
// can spell.
const parseDuration = "duration of a string"

// specPkg is the package that everything in a spec belongs to: Go lets nobody
// else select fields in lower case.
var specPkg = types.NewPackage("spec", "spec")

func (c *checker) universe() {
	c.builtin()
	c.types = c.m.Types
	c.declare()
	c.context = newNamed("context", c.structOf(c.m.Context))
	c.plain = c.scope(nil, "nothing has arrived here: `event` belongs to transitions on one event")
}

// builtin makes the types that need no declaration and are none of Go's.
func (c *checker) builtin() {
	c.duration = newNamed("duration", types.Typ[types.Int64])
	hidden := types.NewField(token.NoPos, specPkg, "_", types.NewSlice(types.Typ[types.Int]), false)
	c.time = newNamed("time", types.NewStruct([]*types.Var{hidden}, nil))
}

// declare makes the declared types.
func (c *checker) declare() {
	for _, n := range c.types {
		if n.Enum {
			c.named[n] = newNamed(n.Name.Value, types.Typ[types.String])
		} else {
			c.named[n] = newNamed(n.Name.Value, types.NewStruct(nil, nil))
		}
	}
	for _, n := range c.types {
		if !n.Enum {
			c.named[n].(*types.Named).SetUnderlying(c.structOf(n.Fields))
		}
	}
}

// newNamed is a type of its own, in Go as in the specs: what has the same fields
// cannot be stored in it.
func newNamed(name string, underlying types.Type) *types.Named {
	return types.NewNamed(types.NewTypeName(token.NoPos, nil, name, nil), underlying, nil)
}

// structOf makes a struct type of fields and remembers which is which.
func (c *checker) structOf(fields []*model.Field) *types.Struct {
	var vars []*types.Var
	seen := map[string]bool{}
	for _, f := range fields {
		name := goname.Expr(f.Name.Value)
		if f.Type.Kind == model.Invalid || seen[name] {
			continue
		}
		seen[name] = true
		v := types.NewField(token.NoPos, specPkg, name, c.typ(f.Type), false)
		c.table.fields[v] = f
		vars = append(vars, v)
	}
	return types.NewStruct(vars, nil)
}

var basics = map[model.Kind]types.Type{
	model.String: types.Typ[types.String], model.Bool: types.Typ[types.Bool],
	model.Int: types.Typ[types.Int], model.Int8: types.Typ[types.Int8], model.Int16: types.Typ[types.Int16],
	model.Int32: types.Typ[types.Int32], model.Int64: types.Typ[types.Int64],
	model.Uint: types.Typ[types.Uint], model.Uint8: types.Typ[types.Uint8], model.Uint16: types.Typ[types.Uint16],
	model.Uint32: types.Typ[types.Uint32], model.Uint64: types.Typ[types.Uint64],
	model.Float32: types.Typ[types.Float32], model.Float64: types.Typ[types.Float64],
	model.Bytes: types.NewSlice(types.Universe.Lookup("byte").Type()),
}

func (c *checker) typ(t *model.Type) types.Type {
	var out types.Type
	switch t.Kind {
	case model.Duration:
		out = c.duration
	case model.Time:
		out = c.time
	case model.Slice:
		out = types.NewSlice(c.typ(t.Elem))
	case model.Map:
		out = types.NewMap(types.Typ[types.String], c.typ(t.Elem))
	case model.Struct, model.Enum:
		out = c.named[t.Named]
	default:
		out = basics[t.Kind]
	}
	if out == nil {
		out = types.Typ[types.Invalid]
	}
	if t.Optional {
		out = types.NewPointer(out)
	}
	return out
}

// scope makes the scope of a machine's expressions that an event of the given type
// reaches.
func (c *checker) scope(event types.Type, noEvent string) *scope {
	sc := c.base(event, noEvent)
	sc.pkg.Scope().Insert(types.NewVar(token.NoPos, sc.pkg, "context", c.context))
	return sc
}

// base is a scope without a machine's context.
func (c *checker) base(event types.Type, noEvent string) *scope {
	pkg := types.NewPackage("spec", "spec")
	insert := func(name string, t types.Type) {
		pkg.Scope().Insert(types.NewVar(token.NoPos, pkg, name, t))
	}
	function := func(name string, result types.Type, params ...types.Type) {
		var in []*types.Var
		for _, p := range params {
			in = append(in, types.NewParam(token.NoPos, pkg, "", p))
		}
		out := types.NewTuple(types.NewParam(token.NoPos, pkg, "", result))
		sig := types.NewSignatureType(nil, nil, nil, types.NewTuple(in...), out, false)
		pkg.Scope().Insert(types.NewFunc(token.NoPos, pkg, name, sig))
	}
	if event != nil {
		insert("event", event)
	}
	insert("key", types.Typ[types.String])
	insert("now", c.time)
	function("before", types.Typ[types.Bool], c.time, c.time)
	function("contains", types.Typ[types.Bool], types.Typ[types.String], types.Typ[types.String])
	function(parseDuration, c.duration, types.Typ[types.String])
	pkg.Scope().Insert(types.NewTypeName(token.NoPos, pkg, "duration", c.duration))
	for _, n := range c.types {
		if n.Enum {
			c.enum(pkg, n)
		}
	}
	return &scope{pkg: pkg, noEvent: noEvent, reach: "event, context, key and now"}
}

// enum declares a variable that the enum's values are fields of.
func (c *checker) enum(pkg *types.Package, n *model.Named) {
	var vars []*types.Var
	seen := map[string]bool{}
	for _, v := range n.Values {
		name := goname.Expr(v.Value)
		if seen[name] {
			continue
		}
		seen[name] = true
		vars = append(vars, types.NewField(token.NoPos, specPkg, name, c.named[n], false))
	}
	v := types.NewVar(token.NoPos, pkg, goname.Expr(n.Name.Value), types.NewStruct(vars, nil))
	c.table.enums[v] = n
	pkg.Scope().Insert(v)
}

// scopeOf is the scope of a transition's guard and actions, nil where what arrives
// is not known because of a mistake that has been reported.
func (c *checker) scopeOf(t *model.Transition) *scope {
	switch t.Cause {
	case model.OnEvent:
		return c.eventScope(t.On)
	case model.OnInvokeDone:
		return c.outputScope(t.Invoke.Service)
	case model.OnInvokeError:
		return c.scope(failure, "")
	}
	return c.plain
}

func (c *checker) outputScope(s *model.Service) *scope {
	if s == nil {
		return nil
	}
	return c.scope(newNamed("event", c.structOf(s.Output)), "")
}

// failure is what `event` is in onError.
var failure = newNamed("event", types.NewStruct([]*types.Var{
	types.NewField(token.NoPos, specPkg, "code", types.Typ[types.String], false),
	types.NewField(token.NoPos, specPkg, "message", types.Typ[types.String], false),
}, nil))

func (c *checker) eventScope(d *model.Descriptor) *scope {
	if len(d.Events) > 1 || d.Any {
		return c.scope(nil, "several events can arrive here: give the event a transition of its own to use `event`")
	}
	if len(d.Events) == 0 {
		return c.plain
	}
	switch e := d.Events[0]; e.Section {
	case model.External, model.Internal:
		return c.scope(newNamed("event", c.structOf(e.Fields)), "")
	case model.Failed:
		return c.scope(failure, "")
	case model.DoneInvoke:
		return c.outputScope(e.Service)
	}
	return c.plain
}
