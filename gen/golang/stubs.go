package golang

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// double is a type of the test kit that stands for an interface of the machine's
// package.
type double struct {
	name    string
	doc     string
	real    bool // the type has a field of the interface's name, which does what the test does not say
	methods []stubMethod
}

// stubMethod is a method of a double.
type stubMethod struct {
	name      spec.Scalar
	kind      string                // what it is, as in "the guard is_ok"
	signature func() *jen.Statement // its name, parameters and results
	args      []jen.Code            // what is passed on
	with      jen.Code              // what has arrived, or nil
	unset     func(err *jen.Statement) []jen.Code
}

// stubFunc is the name of the field that says what a stub's method does.
func stubFunc(method string) string { return method + "Func" }

// doubles are the types of the test kit that stand for what a user writes.
func (g *generator) doubles() []double {
	var out []double
	add := func(name, what string, methods []stubMethod) {
		if len(methods) > 0 {
			out = append(out, double{name, what, true, methods})
		}
	}
	add("Guards", "the machine's guards", g.stubbed(g.m.Guards, "the guard", g.guardSignature, false))
	add("Actions", "the machine's actions", g.stubbed(g.m.Actions, "the action", g.actionSignature, true))
	add("Services", "what the machine invokes", g.serviceStubs())
	add("Children", "the machines that the machine invokes", g.childStubs())
	for _, r := range g.m.Sends {
		out = append(out, double{name: goname.Exported(r.Name.Value), doc: "who plays the role " + r.Name.Value, methods: g.roleStubs(r)})
	}
	return out
}

func (g *generator) stubbed(list []*model.Method, kind string, signature func(*model.Method) *jen.Statement, action bool) []stubMethod {
	var out []stubMethod
	for _, x := range list {
		s := stubMethod{name: x.Name, kind: kind, signature: func() *jen.Statement { return signature(x) }, with: jen.Nil()}
		s.args = []jen.Code{jen.Id("c")}
		s.unset = func(err *jen.Statement) []jen.Code { return []jen.Code{err.Op("==").Nil()} }
		if action {
			s.args = []jen.Code{jen.Id("ctx"), jen.Id("t")}
			s.unset = func(err *jen.Statement) []jen.Code { return []jen.Code{err} }
		}
		if arrived := g.arrivalArg(x.Arrival); len(arrived) > 0 {
			s.args, s.with = append(s.args, arrived...), arrived[0]
		}
		if x.Replies {
			s.args = append(s.args, jen.Id("reply"))
		}
		out = append(out, s)
	}
	return out
}

func (g *generator) serviceStubs() []stubMethod {
	var out []stubMethod
	for _, s := range g.m.Services {
		out = append(out, stubMethod{s.Name, "the service", func() *jen.Statement { return g.serviceSignature(s) },
			[]jen.Code{jen.Id("ctx"), jen.Id("in")}, jen.Id("in"), func(err *jen.Statement) []jen.Code {
				return []jen.Code{g.own(goname.Exported(s.Name.Value) + "Output").Values(), err}
			}})
	}
	return out
}

func (g *generator) childStubs() []stubMethod {
	var out []stubMethod
	for _, c := range g.m.Children {
		s := stubMethod{name: c.Service.Name, kind: "the invoked machine", signature: func() *jen.Statement { return g.childSignature(c) }, with: jen.Nil()}
		if len(c.Service.Input) > 0 {
			s.args, s.with = []jen.Code{jen.Id("in")}, jen.Id("in")
		}
		s.unset = func(err *jen.Statement) []jen.Code { return []jen.Code{jen.Nil(), err} }
		out = append(out, s)
	}
	return out
}

// roleStubs accept what they are sent, if the test does not say otherwise: what a
// machine sends, like what it emits, may be nobody's concern.
func (g *generator) roleStubs(r *model.Role) []stubMethod {
	var out []stubMethod
	for _, e := range r.Events {
		_, args := g.keyParams(jen.Null(), jen.Id("e"))
		out = append(out, stubMethod{name: e.Name, signature: func() *jen.Statement { return g.roleSignature(e) }, args: args, with: jen.Id("e"),
			unset: func(*jen.Statement) []jen.Code { return []jen.Code{jen.Nil()} }})
	}
	return out
}

// double declares a stub: it notes its calls, and does what the test says.
func (g *generator) double(f *jen.File, d double) {
	what := d.name + " stands for " + d.doc + ": its fields say what is done, and it notes the calls. "
	fields := []jen.Code{jen.Qual(machinetestPath, "Stub")}
	if d.real {
		what += "What has no function is done by the " + d.name + " within, and without it fails the test."
		fields = append(fields, g.own(d.name))
	} else {
		what += "What has no function is accepted."
	}
	for _, x := range d.methods {
		method := goname.Exported(x.name.Value)
		fields = append(fields, jen.Comment("// "+stubFunc(method)+" says what "+method+" does.").Line().Id(stubFunc(method)).Func().Add(g.parameters(x)))
	}
	f.Add(doc(what)).Type().Id(d.name).Struct(fields...)
	for _, x := range d.methods {
		f.Add(doc(goname.Exported(x.name.Value) + " implements " + g.m.Package + "." + d.name + ".")).
			Func().Params(jen.Id("s").Op("*").Id(d.name)).Add(x.signature()).BlockFunc(func(b *jen.Group) { g.stubBody(b, d, x) })
	}
}

// parameters are those of a method, with its results, but without its name.
func (g *generator) parameters(x stubMethod) *jen.Statement {
	s := *x.signature()
	rest := s[1:]
	return &rest
}

func (g *generator) stubBody(b *jen.Group, d double, x stubMethod) {
	method := goname.Exported(x.name.Value)
	s := func() *jen.Statement { return jen.Id("s") }
	b.Add(s()).Dot("Stub").Dot("Called").Call(jen.Lit(x.name.Value), x.with)
	b.If(s().Dot(stubFunc(method)).Op("!=").Nil()).Block(jen.Return(s().Dot(stubFunc(method)).Call(x.args...)))
	if d.real {
		b.If(s().Dot(d.name).Op("!=").Nil()).Block(jen.Return(s().Dot(d.name).Dot(method).Call(x.args...)))
	}
	b.Return(x.unset(s().Dot("Stub").Dot("Unset").Call(jen.Lit(x.kind+" "+x.name.Value), jen.Lit(d.name+"."+stubFunc(method))))...)
}

// checkStubs reports methods that a stub of the test kit cannot have beside its fields.
func checkStubs(m *model.Machine, l *diag.List) {
	checkStub(l, "guard", "Guards", methodNames(m.Guards))
	checkStub(l, "action", "Actions", methodNames(m.Actions))
	var services, children []spec.Scalar
	for _, s := range m.Services {
		services = append(services, s.Name)
	}
	for _, c := range m.Children {
		children = append(children, c.Service.Name)
	}
	checkStub(l, "service", "Services", services)
	checkStub(l, "invoked machine", "Children", children)
	for _, r := range m.Sends {
		var events []spec.Scalar
		for _, e := range r.Events {
			events = append(events, e.Name)
		}
		checkStub(l, "event", "", events)
	}
}

func methodNames(list []*model.Method) []spec.Scalar {
	var out []spec.Scalar
	for _, x := range list {
		out = append(out, x.Name)
	}
	return out
}

func checkStub(l *diag.List, what, real string, list []spec.Scalar) {
	first := map[string]spec.Scalar{}
	for _, x := range slices.Backward(list) {
		first[stubFunc(goname.Exported(x.Value))] = x
	}
	for _, x := range list {
		name := goname.Exported(x.Value)
		if name != "" && (name == "Stub" || name == real) {
			l.Add(diag.NameCollision, x.Pos, "the %s %s would be called %s in Go, which is a field of its stub in every test kit", what, x.Value, name)
		}
		if other, ok := first[name]; ok {
			l.Add(diag.NameCollision, x.Pos, "the %s %s would be called %s in Go, which says what %s does in the test kit", what, x.Value, name, other.Value).
				WithRelated(other.Pos, "%s is here", other.Value)
		}
	}
}
