package golang

import (
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
)

// fixed are the identifiers that every package has.
var fixed = strings.Fields(`State StateChanged ParseState Event ExternalEvent Publisher NewPublisher Handler
	UnimplementedHandler SubscribeHandler SubscribeStateChanged SubscribeFailure Guards Actions Services Children Context Turn
	Machine New Host NewHost Roles Input Output Failure MachineID
	PatternStates PatternEvents PatternEmits PatternErrors TopicErrorAction TopicErrorUnhandled TopicErrorLoop TopicErrorDead`)

// kitFixed are the identifiers that only test kits have: all others there are called as
// in the machine's package.
var kitFixed = []string{"MachineConfig", "NewRecorder", "Recorder"}

// names are the identifiers of a package and its test kit. The declarations and every reference
// to them take their spelling from here.
type names struct {
	event map[*model.Event]string // events, internal, emits and sends
	reply map[*model.Event]string
	typ   map[*model.Named]string
	value map[*model.Named][]string
	state map[*model.State]string // the State constants
	kit   string                  // the package of the test kit
	all   []ident
}

// ident is a declared identifier and the place in the spec that it comes from.
type ident struct {
	name, what string
	pos        source.Pos
}

func newNames(m *model.Machine) *names {
	n := &names{event: map[*model.Event]string{}, reply: map[*model.Event]string{}, typ: map[*model.Named]string{},
		value: map[*model.Named][]string{}, state: map[*model.State]string{}, kit: TestPackage(m.Package)}
	for _, t := range m.Types {
		n.named(t)
	}
	for _, e := range m.Events {
		n.events(e, goname.Exported(e.Name.Value))
		n.declare("Topic"+"Event"+n.event[e], "the topic of the event "+e.Name.Value, e.Name.Pos)
		if e.HasReply {
			n.reply[e] = n.declare(n.event[e]+"Reply", "the reply of "+e.Name.Value, e.Name.Pos)
			n.constructor(n.reply[e], e.Reply, e.Name.Pos)
		}
	}
	for _, e := range m.Internal {
		n.events(e, goname.Exported(e.Name.Value))
	}
	for _, e := range m.Emits {
		n.events(e, goname.Exported(e.Name.Value))
		n.declare("TopicEmit"+n.event[e], "the topic of the emitted event "+e.Name.Value, e.Name.Pos)
		n.declare("Subscribe"+n.event[e], "the subscription to "+e.Name.Value, e.Name.Pos)
	}
	n.others(m)
	return n
}

func (n *names) named(t *model.Named) {
	n.typ[t] = n.declare(goname.Exported(t.Name.Value), "the type "+t.Name.Value, t.Name.Pos)
	n.constructor(n.typ[t], t.Fields, t.Name.Pos)
	for _, v := range t.Values {
		n.value[t] = append(n.value[t], n.declare(n.typ[t]+goname.Exported(v.Value), "the value "+v.Value, v.Pos))
	}
}

func (n *names) events(e *model.Event, name string) {
	n.event[e] = n.declare(name, "the event "+e.Name.Value, e.Name.Pos)
	n.constructor(name, e.Fields, e.Name.Pos)
	n.inKit(name, "the event "+e.Name.Value, e.Name.Pos)
}

// inKit declares an identifier in the test kit as well.
func (n *names) inKit(name, what string, pos source.Pos) {
	if slices.Contains(kitFixed, name) {
		n.declare(n.kit+"."+name, what, pos)
	}
}

// constructor declares the New function of a struct that has defaults.
func (n *names) constructor(name string, fields []*model.Field, pos source.Pos) {
	if hasDefaults(fields) {
		n.declare("New"+name, "the constructor of "+name, pos)
	}
}

func hasDefaults(fields []*model.Field) bool {
	for _, f := range fields {
		if f.Default != nil {
			return true
		}
	}
	return false
}

func (n *names) others(m *model.Machine) {
	for _, r := range m.Sends {
		role := n.declare(goname.Exported(r.Name.Value), "the role "+r.Name.Value, r.Name.Pos)
		n.inKit(role, "the role "+r.Name.Value, r.Name.Pos)
		for _, e := range r.Events {
			n.events(e, role+goname.Exported(e.Name.Value))
			n.turn("Send"+n.event[e], e)
		}
	}
	n.kin(m)
	for _, s := range m.Services {
		n.declare(goname.Exported(s.Name.Value)+"Input", "the input of "+s.Name.Value, s.Name.Pos)
		n.declare(goname.Exported(s.Name.Value)+"Output", "the output of "+s.Name.Value, s.Name.Pos)
	}
	n.constructor("Context", m.Context, m.ID.Pos)
	n.constructor("Input", m.Input, m.ID.Pos)
	n.constructor("Output", m.Output, m.ID.Pos)
	for _, s := range m.States {
		if s.Parent == nil || s.Kind == model.History {
			continue
		}
		n.state[s] = n.declare("State"+goname.Exported(s.Path), "the state "+s.Path, s.Name.Pos)
		n.declare("TopicState"+goname.Exported(s.Path), "the topic of "+s.Path, s.Name.Pos)
		if !s.Leaf() {
			n.declare("PatternState"+goname.Exported(s.Path), "the pattern of "+s.Path, s.Name.Pos)
		}
	}
}

// kin names what passes between the machine and those that it invokes.
func (n *names) kin(m *model.Machine) {
	for _, c := range m.Children {
		name, what, pos := goname.Exported(c.Service.Name.Value), "the invoked machine "+c.Machine.File.Name, c.Service.Name.Pos
		if len(c.Service.Input) > 0 {
			n.declare(name+"Input", "the input of "+what, pos)
			n.constructor(name+"Input", c.Service.Input, pos)
		}
		n.declare(name+"Output", "the output of "+what, pos)
		n.constructor(name+"Output", c.Service.Output, pos)
	}
	for _, r := range m.ToChildren {
		for _, e := range r.Events {
			n.events(e, goname.Exported(r.Name.Value)+goname.Exported(e.Name.Value))
			n.turn("Send"+n.event[e], e)
		}
	}
	for _, e := range m.ToParent {
		n.turn("SendParent"+n.event[e], e)
	}
}

// turn declares a method of Turn: its name is in a namespace of its own.
func (n *names) turn(name string, e *model.Event) {
	n.declare("Turn."+name, "sending "+e.Name.Value, e.Name.Pos)
}

func (n *names) declare(name, what string, pos source.Pos) string {
	n.all = append(n.all, ident{name, what, pos})
	return name
}

// CheckNames reports identifiers that two declarations of m would share, in the
// package or within one struct.
func CheckNames(m *model.Machine, l *diag.List) {
	n := newNames(m)
	seen, refused := map[string]ident{}, l.Places(diag.BadName)
	reported := map[[2]source.Pos]bool{}
	for _, f := range fixed {
		seen[f] = ident{name: f}
	}
	for _, f := range kitFixed {
		seen[n.kit+"."+f] = ident{name: f}
	}
	for _, id := range n.all {
		first, taken := seen[id.name]
		switch {
		case id.name == "" || refused[id.pos]:
		case !taken:
			seen[id.name] = id
		case first.pos == id.pos || reported[[2]source.Pos{first.pos, id.pos}]: // an event's struct and its topic
		case first.what == id.what: // reported as declared twice
		case !first.pos.IsValid():
			l.Add(diag.NameCollision, id.pos, "%s would be called %s in Go, which every generated package declares itself", id.what, id.name)
		default:
			reported[[2]source.Pos{first.pos, id.pos}] = true
			l.Add(diag.NameCollision, id.pos, "%s and %s would both be called %s in Go", first.what, id.what, id.name).
				WithRelated(first.pos, "%s is declared here", first.what)
		}
	}
	checkFields(m, l, refused)
	checkMethods(m, l)
	checkStubs(m, l)
	checkVetted(m, l)
}

// eachStruct visits the fields of everything that becomes a struct.
func eachStruct(m *model.Machine, visit func([]*model.Field)) {
	for _, t := range m.Types {
		visit(t.Fields)
	}
	lists := [][]*model.Event{m.Events, m.Internal, m.Emits}
	for _, r := range slices.Concat(m.Sends, m.ToChildren) {
		lists = append(lists, r.Events)
	}
	for _, list := range lists {
		for _, e := range list {
			visit(e.Fields)
			visit(e.Reply)
		}
	}
	for _, s := range m.Services {
		visit(s.Input)
		visit(s.Output)
	}
	visit(m.Context)
	visit(m.Input)
	visit(m.Output)
}

// methodsOfStructs are what a field of a generated struct cannot be called.
var methodsOfStructs = map[string]bool{
	"EventName": true, "EventNumber": true, "AppendMsgpack": true, "UnmarshalMsgpack": true, "ReadMsgpack": true,
	"EncodeMsgpack": true, "DecodeMsgpack": true, "Clone": true,
}

func checkFields(m *model.Machine, l *diag.List, refused map[source.Pos]bool) {
	eachStruct(m, func(fields []*model.Field) {
		seen := map[string]*model.Field{}
		for _, f := range fields {
			name := goname.Exported(f.Name.Value)
			if refused[f.Name.Pos] {
				continue
			}
			if first := seen[name]; first != nil && name != "" {
				l.Add(diag.NameCollision, f.Name.Pos, "the fields %s and %s would both be called %s in Go", first.Name.Value, f.Name.Value, name).
					WithRelated(first.Name.Pos, "the other one is declared here")
			}
			if methodsOfStructs[name] {
				l.Add(diag.NameCollision, f.Name.Pos, "the field %s would be called %s in Go, which is a method of generated structs", f.Name.Value, name)
			}
			seen[name] = f
		}
	})
}

func checkMethods(m *model.Machine, l *diag.List) {
	for what, list := range map[string][]*model.Method{"guards": m.Guards, "actions": m.Actions} {
		seen := map[string]*model.Method{}
		for _, x := range list {
			name := goname.Exported(x.Name.Value)
			if first := seen[name]; first != nil {
				l.Add(diag.NameCollision, x.Name.Pos, "the %s %s and %s would both be called %s in Go", what, first.Name.Value, x.Name.Value, name).
					WithRelated(first.Name.Pos, "the other one is first used here")
			}
			seen[name] = x
		}
	}
}
