package model

import (
	"iter"
	"regexp"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// Build resolves a machine that invokes no other ones; see LinkMachine.
func Build(s *spec.Machine, l *diag.List) *Machine { return LinkMachine(s, l, nil) }

// LinkMachine resolves a machine; find finds those that it invokes. What does not resolve
// is added to l; the model is then still whole enough for the checks that follow,
// so that one run finds all errors, but must not be generated from.
func LinkMachine(s *spec.Machine, l *diag.List, find Finder) *Machine {
	b := &builder{spec: s, diags: l, find: find, m: &Machine{File: s.File, ID: s.ID, Keyed: s.Keyed}, states: map[*State]map[string]*State{}}
	b.identity()
	b.types()
	b.declarations()
	b.defaults()
	b.tree()
	b.children()
	b.wiring()
	b.order()
	b.methods()
	return b.m
}

// builder carries what the steps of Build share.
type builder struct {
	spec   *spec.Machine
	diags  *diag.List
	find   Finder
	m      *Machine
	states map[*State]map[string]*State // children by name

	invoked   map[*spec.Invoke]*Child // of the machines that were found
	defaulted []*Field                // those that have a default
	sendIDs   []spec.Scalar           // of all sends; nil until somebody asks
	namesakes map[string][]*State     // all states by name; nil until somebody asks

	guardIndex, actionIndex map[string]*Method
}

var (
	idPattern    = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	eventPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

// maxName keeps topics within their 255 bytes with room for the other segments.
const maxName = 64

func (b *builder) identity() {
	s, m := b.spec, b.m
	m.Description = s.Description.Value
	m.Strict = s.Unhandled.Value == "error"
	m.Package = b.packageOf(s.ID, s.Package)
	if s.ID.IsSet() && (!idPattern.MatchString(s.ID.Value) || len(s.ID.Value) > maxName) {
		b.diags.Add(diag.BadName, s.ID.Pos, "the machine's id %q must match [a-z][a-z0-9_-]* and have at most %d characters", s.ID.Value, maxName)
	}
}

// packageOf is the name of a spec's package: the one that is given, or else made of
// the id.
func (b *builder) packageOf(id, given spec.Scalar) string {
	switch {
	case !given.IsSet():
		return goname.Package(id.Value)
	case !goname.IsPackage(given.Value):
		b.diags.Add(diag.BadName, given.Pos, "%q cannot be the name of a Go package", given.Value).
			WithHint("use lower-case letters and digits, and nothing that means something to Go or to a file system, as main, vendor and con do")
	}
	return given.Value
}

// name checks a declared name; what says what it is the name of.
func (b *builder) name(s spec.Scalar, what string) bool {
	return b.nameLike(s, what, namePattern)
}

func (b *builder) nameLike(s spec.Scalar, what string, pattern *regexp.Regexp) bool {
	switch {
	case !s.IsSet():
		return false
	case !pattern.MatchString(s.Value):
		b.diags.Add(diag.BadName, s.Pos, "%q cannot be the name of %s", s.Value, what).
			WithHint("names have letters, digits, `_` and `-`")
	case len(s.Value) > maxName:
		b.diags.Add(diag.BadName, s.Pos, "the name of %s has %d characters, more than %d", what, len(s.Value), maxName)
	case goname.Exported(s.Value) == "":
		b.diags.Add(diag.BadName, s.Pos, "%q has no letter or digit that a Go name could be made of", s.Value)
	default:
		return true
	}
	return false
}

func (b *builder) declarations() {
	s, m := b.spec, b.m
	m.Context = b.fields(s.Context)
	m.Input, m.Output = b.fields(s.Input), b.fields(s.Output)
	seen := map[string]source.Pos{}
	m.Events = b.events(s.Events, External, nil, seen)
	m.Internal = b.events(s.Internal, Internal, nil, seen)
	m.Emits = b.events(s.Emits, Emitted, nil, map[string]source.Pos{})
	for _, r := range s.Sends {
		b.name(r.Name, "a role")
		if r.Name.Value == "parent" {
			b.diags.Add(diag.BadName, r.Name.Pos, "a role cannot be called `parent`: that is the machine that invoked this one")
		}
		role := &Role{Name: r.Name}
		role.Events = b.events(r.Events, Sent, role, map[string]source.Pos{})
		m.Sends = append(m.Sends, role)
	}
	for _, v := range s.Services {
		b.name(v.Name, "a service")
		m.Services = append(m.Services, &Service{Name: v.Name, Description: v.Description.Value, Input: b.fields(v.Input), Output: b.fields(v.Output)})
	}
	b.input()
}

// input checks that each input field fills a context field of equal type.
func (b *builder) input() {
	for _, f := range b.m.Input {
		c := FieldNamed(b.m.Context, f.Name.Value)
		if c == nil {
			b.diags.Add(diag.BadInput, f.Name.Pos, "the input %q fills no field of the context", f.Name.Value).
				WithHint("declare %q under `context` with the same type", f.Name.Value)
		} else if f.Type.Kind != Invalid && c.Type.Kind != Invalid && !f.Type.Equal(c.Type) {
			b.diags.Add(diag.BadInput, f.Name.Pos, "the input %q is of type %s, and the context's field of type %s", f.Name.Value, f.Type, c.Type).
				WithRelated(c.Name.Pos, "the context's field is declared here")
		}
	}
}

// events resolves the events of one section; seen holds the names of the
// namespace that the section shares.
func (b *builder) events(list []*spec.Event, section Section, role *Role, seen map[string]source.Pos) []*Event {
	var out []*Event
	for _, s := range list {
		if first, twice := seen[s.Name.Value]; twice {
			b.diags.Add(diag.DuplicateName, s.Name.Pos, "the event %q is declared twice", s.Name.Value).WithRelated(first, "first declared here")
			continue
		}
		seen[s.Name.Value] = s.Name.Pos
		if b.nameLike(s.Name, "an event", eventPattern) && reserved(s.Name.Value) {
			b.diags.Add(diag.BadName, s.Name.Pos, "%q is reserved for events that machines make themselves", s.Name.Value)
		}
		if s.HasReply && section != External {
			b.diags.Add(diag.BadReply, s.Name.Pos, "only events under `events` can have a reply")
		}
		out = append(out, &Event{Name: s.Name, Section: section, Description: s.Description.Value, Fields: b.fields(s.Fields),
			HasReply: s.HasReply, Reply: b.fields(s.Reply), Role: role})
	}
	return out
}

func reserved(name string) bool {
	head, _, _ := strings.Cut(name, ".")
	return head == "error" || head == "done"
}

// suggest is a hint for a name that is not among those declared: the nearest of
// the names of everything in list.
func suggest[T any](b *builder, written string, list []T, name func(T) string) string {
	return b.diags.Suggest(written, namesOf(list, name))
}

func namesOf[T any](list []T, name func(T) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, x := range list {
			if !yield(name(x)) {
				return
			}
		}
	}
}

// Names for suggest.
func eventName(e *Event) string       { return e.Name.Value }
func fieldName(f *Field) string       { return f.Name.Value }
func stateName(s *State) string       { return s.Name.Value }
func roleName(r *Role) string         { return r.Name.Value }
func serviceName(s *Service) string   { return s.Name.Value }
func namedName(n *Named) string       { return n.Name.Value }
func scalarText(s spec.Scalar) string { return s.Value }

// FieldNamed returns the field with the given name, or nil.
func FieldNamed(fields []*Field, name string) *Field {
	for _, f := range fields {
		if f.Name.Value == name {
			return f
		}
	}
	return nil
}
