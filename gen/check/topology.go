package check

import (
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// topologyRule is a rule over a whole topology. One that looks for what nothing does
// is silent beside errors that may be the reason.
type topologyRule struct {
	run   func(*topologyPass)
	whole bool
}

// topologyRules are run in this order; diagnostics are sorted by place afterwards.
var topologyRules = []topologyRule{
	{run: roleNotPlayed, whole: true},
	{run: eventNotHeard, whole: true},
	{run: eventNotSent, whole: true},
	{run: topicMatchesNothing, whole: true},
	{run: deliveredTwice},
	{run: directCycle},
	{run: blockingCycle},
	{run: statefulGroup},
	{run: stickyWithoutKey},
	{run: severalProcesses},
	{run: storeNotShared},
	{run: profileRefused},
	{run: notOnOneNode, whole: true},
	{run: missingListen},
	{run: machineWithoutNode, whole: true},
	{run: missingTargetKey},
	{run: broadcastMismatch},
	{run: oneInbox},
	{run: longNames, whole: true}, // which asks what follows from a topology without errors
	{run: longPaths},
}

// RunTopology checks a topology. Of one that has errors, which are in l, it checks
// what they leave standing.
func RunTopology(t *model.Topology, l *diag.List) {
	p := &topologyPass{List: l, t: t}
	partial := slices.ContainsFunc(l.Found(t.File), hides) || slices.ContainsFunc(t.Machines, func(p *model.Participant) bool { return p.Machine == nil })
	for _, r := range topologyRules {
		if !r.whole || !partial {
			r.run(p)
		}
	}
}

// hides reports whether an error may be why something seems to be missing: all may,
// but for those of values.
func hides(r *diag.Rule) bool {
	return !slices.Contains([]*diag.Rule{
		diag.Expression, diag.PointlessExpression, diag.MissingField, diag.UnknownField, diag.BadMapping, diag.BadProfile, diag.UnknownProfile,
		diag.BadSetting, diag.UnknownTransport, diag.BadLocation, diag.NotYetSupported, diag.MachineID,
	}, r)
}

// topologyPass is what a rule over a topology works with.
type topologyPass struct {
	*diag.List
	t        *model.Topology
	overlaps model.Overlaps // of subscriptions with topics
}

// heard reports whether a subscription hears a topic.
func (p *topologyPass) heard(name topic.Pattern) bool {
	for _, s := range p.t.Subscriptions {
		for _, x := range s.Patterns {
			if p.overlaps.Any(x, name) {
				return true
			}
		}
	}
	return false
}

// listed joins names for people.
func listed(events []*model.Event) string {
	var names []string
	for _, e := range events {
		names = append(names, e.Name.Value)
	}
	return strings.Join(names, ", ")
}

// way is how a machine leads to another one.
type way struct {
	from, to *model.Participant
	link     *model.Link
}

// ways are the steps from machine to machine of some links.
func (p *topologyPass) ways(among func(*model.Link) bool) []way {
	var out []way
	for _, l := range p.t.Links {
		if l.FromMachine == nil || !among(l) {
			continue
		}
		for _, to := range l.Receivers() {
			out = append(out, way{l.FromMachine, to, l})
		}
	}
	return out
}

// circles finds ways that lead in a circle: of machines that are in several, one.
func circles(ways []way) [][]way {
	next := map[*model.Participant][]way{}
	for _, w := range ways {
		next[w.from] = append(next[w.from], w)
	}
	f := &circleFinder{next: next, at: map[*model.Participant]int{}, told: map[*model.Participant]bool{}}
	for _, w := range ways {
		f.visit(w.from)
	}
	return f.found
}

// circleFinder walks over machines, each once.
type circleFinder struct {
	next  map[*model.Participant][]way
	at    map[*model.Participant]int // one more than the place on the path; -1 for those that are done
	path  []way
	told  map[*model.Participant]bool
	found [][]way
}

func (f *circleFinder) visit(m *model.Participant) {
	if f.at[m] != 0 {
		return
	}
	f.at[m] = len(f.path) + 1
	for _, w := range f.next[m] {
		f.path = append(f.path, w)
		if i := f.at[w.to]; i > 0 {
			f.circle(f.path[i-1:])
		} else {
			f.visit(w.to)
		}
		f.path = f.path[:len(f.path)-1]
	}
	f.at[m] = -1
}

func (f *circleFinder) circle(ways []way) {
	if slices.ContainsFunc(ways, func(w way) bool { return f.told[w.from] }) {
		return
	}
	for _, w := range ways {
		f.told[w.from] = true
	}
	f.found = append(f.found, slices.Clone(ways))
}

// around names the machines of a circle.
func around(ways []way) string {
	s := ""
	for _, w := range ways {
		s += w.from.ID.Value + " -> "
	}
	return s + ways[0].from.ID.Value
}

// first is the way of a circle whose link stands first in the file.
func first(ways []way) way {
	return slices.MinFunc(ways, func(x, y way) int { return x.link.Pos.Compare(y.link.Pos) })
}

// where is the place of something that need not be written, or else another one.
func where(s spec.Scalar, otherwise source.Pos) source.Pos {
	if s.IsSet() {
		return s.Pos
	}
	return otherwise
}
