package wiring

import (
	"slices"
	"strconv"

	"github.com/xsgen/xsgen/gen/model"
)

// machine is what a machine hears on a node.
func (w *wirer) machine(n *model.Node, p *model.Participant) *Machine {
	b := &inboxes{wirer: w, n: n, m: &Machine{Participant: p}}
	b.own()
	for _, l := range w.t.Links {
		if l.ToMachine == p && !l.ByTopic() {
			b.link(l)
		}
	}
	for _, g := range w.t.Groups {
		if g.Machine == p {
			b.group(g)
		}
	}
	b.broadcasts()
	b.forwards()
	return b.m
}

// inboxes sorts what a machine hears on a node by what an inbox has once: its profile
// and its group.
type inboxes struct {
	*wirer
	n *model.Node
	m *Machine
}

// kind is what an inbox has once.
type kind struct {
	profile *model.Profile
	direct  bool
	group   string
	policy  model.Policy

	broadcasts bool // of a keyed machine
}

// add adds a route to the inbox of its kind.
func (b *inboxes) add(k kind, r *Route) {
	for _, i := range b.m.Inboxes {
		if i.Profile == k.profile && i.Direct == k.direct && i.Group == b.groupOf(k) {
			i.Routes = append(i.Routes, r)
			return
		}
	}
	b.m.Inboxes = append(b.m.Inboxes, &Inbox{Name: b.nameOf(k), Profile: k.profile, Direct: k.direct, Group: b.groupOf(k), Policy: k.policy, Routes: []*Route{r}})
}

// nameOf is the name of an inbox. That of the default profile has the machine's alone.
func (b *inboxes) nameOf(k kind) string {
	name := b.m.ID.Value
	if k.broadcasts {
		name += ".broadcasts"
	} else if k.group != "" && k.group != name {
		name += "." + k.group
	}
	switch {
	case k.direct:
		return name + ".inline"
	case k.group != "" && k.profile == b.mainProfile(k.group), k.group == "" && k.profile == model.BuiltInProfiles[0]:
		return name
	}
	return name + "." + k.profile.Name.Value
}

// groupOf is the name of the group that an inbox is in. The members of a group have one
// profile: where links have several, there are several groups.
func (b *inboxes) groupOf(k kind) string {
	if k.group == "" || k.profile == b.mainProfile(k.group) {
		return k.group
	}
	return k.group + "." + k.profile.Name.Value
}

// mainProfile is that of the first link to a group.
func (w *wirer) mainProfile(group string) *model.Profile {
	for _, l := range w.t.Links {
		if g := l.Group(); g != nil && g.Name.Value == group && len(l.Routes) > 0 {
			return w.profileOf(l, l.Routes[0])
		}
	}
	return model.BuiltInProfiles[0]
}

// in is the kind of inbox that a link leads to.
func (b *inboxes) in(l *model.Link) kind {
	if g := l.Group(); g != nil {
		return kind{profile: l.Profile, group: g.Name.Value, policy: g.Policy}
	}
	return kind{profile: l.Profile, direct: b.direct(l)}
}

// direct reports whether a link's events are handled within their publish.
func (b *inboxes) direct(l *model.Link) bool {
	return l.Inline && slices.ContainsFunc(l.Pairs, func(p *model.Pair) bool { return p.To == b.n && p.Transport.Kind.Direct() })
}

// way fills in how a route's events come to the node: to a group by its one transport, to
// others from each node by that of the pair.
func (b *inboxes) way(r *Route, g *model.Group, pairs []*model.Pair) *Route {
	if g != nil {
		if r.Local = g.Location <= model.SameProcess; !r.Local {
			r.Via = []*model.Transport{g.Transport}
		}
		return r
	}
	b.fill(r, b.n, pairs)
	return r
}

// fill fills in how events come to a node along pairs.
func (w *wirer) fill(r *Route, n *model.Node, pairs []*model.Pair) {
	here := func(p *model.Pair) bool { return p.To == n }
	r.Local = r.Local || slices.ContainsFunc(pairs, func(p *model.Pair) bool { return here(p) && p.Local })
	r.Via = w.vias(pairs, here)
	if len(r.Via) < 2 {
		return
	}
	r.Elsewhere = map[*model.Transport][]*model.Node{}
	for _, via := range r.Via {
		for _, x := range w.t.Nodes {
			from := func(by bool) bool {
				return slices.ContainsFunc(pairs, func(p *model.Pair) bool { return here(p) && leaves(p) && p.From == x && (p.Transport == via) == by })
			}
			if from(false) && !from(true) {
				r.Elsewhere[via] = append(r.Elsewhere[via], x)
			}
		}
	}
}

// own are the machine's own events: all by one route where they have one inbox. Of a
// machine without keys that runs in several processes nobody can say by a topic which is
// meant, and it has none.
func (b *inboxes) own() {
	events := b.m.Machine.Events
	if len(events) == 0 || !b.m.Keyed() && b.m.Processes() > 1 {
		return
	}
	kinds := map[kind][]*model.Event{}
	for _, e := range events {
		k := b.kindOf(e)
		kinds[k] = append(kinds[k], e)
	}
	if len(kinds) == 1 {
		b.add(b.kindOf(events[0]), b.ownRoute(everyEvent(b.m.Participant), nil))
		return
	}
	for _, e := range events {
		b.add(b.kindOf(e), b.ownRoute(event(b.m.Participant, e), e))
	}
}

// kindOf is the kind of inbox for an event of the machine.
func (b *inboxes) kindOf(e *model.Event) kind {
	if l := b.bringing(b.m.Participant, nil, e); l != nil {
		return b.in(l)
	}
	k := kind{profile: b.eventProfile(b.m.Participant, e)}
	if g := b.m.Spread; g != nil {
		k.group, k.policy = g.Name.Value, g.Policy
	}
	return k
}

// bringing is the link that says how an event comes to a machine, or to a group of it, by
// its own topic: the first that names a profile, or else the first.
func (w *wirer) bringing(p *model.Participant, g *model.Group, e *model.Event) *model.Link {
	var first *model.Link
	for _, l := range w.t.Links {
		if l.ToMachine != p || l.ToGroup != g || !l.Brings(e) {
			continue
		}
		if l.ProfileName.IsSet() {
			return l
		}
		if first == nil {
			first = l
		}
	}
	return first
}

// profileOf is the profile by which a link's events are delivered.
func (w *wirer) profileOf(l *model.Link, r *model.Route) *model.Profile {
	if !l.ByTopic() || l.ToAll != nil {
		return l.Profile
	}
	return w.bringing(l.ToMachine, l.ToGroup, r.Target).Profile
}

// eventProfile is the profile by which an event of a machine is delivered. What no link
// brings is sent by the code of its own nodes: where that goes to a group, by the profile of its
// first link.
func (w *wirer) eventProfile(p *model.Participant, e *model.Event) *model.Profile {
	if l := w.bringing(p, nil, e); l != nil {
		return l.Profile
	}
	if p.Spread != nil {
		return w.mainProfile(p.Spread.Name.Value)
	}
	return model.BuiltInProfiles[0]
}

// ownRoute is the way of an event of the machine, nil for all, that is sent to it.
func (b *inboxes) ownRoute(t Topic, e *model.Event) *Route {
	var pairs []*model.Pair
	for _, l := range b.t.Links {
		if l.ToMachine != b.m.Participant || l.ToGroup != nil || !l.ByTopic() {
			continue
		}
		if e == nil || slices.ContainsFunc(l.Routes, func(r *model.Route) bool { return r.Target == e }) {
			pairs = append(pairs, l.Pairs...)
		}
	}
	r := &Route{Topic: t, Local: b.m.Spread == nil}
	return b.way(r, b.m.Spread, pairs)
}

// link adds what a link brings as its source publishes it.
func (b *inboxes) link(l *model.Link) {
	for _, r := range l.Routes {
		for _, t := range taken(l, r) {
			b.add(b.in(l), b.way(&Route{Topic: t, Way: r}, l.Group(), l.Pairs))
		}
	}
}

// group adds what is sent to a group.
func (b *inboxes) group(g *model.Group) {
	for _, e := range g.Events((*model.Link).ByTopic) {
		b.add(b.in(b.bringing(g.Machine, g, e)), b.way(&Route{Topic: grouped(g, e)}, g, nil))
	}
}

// broadcasts adds those that the machine hears. Of the processes of a keyed machine one
// gets each, and passes it to all instances.
func (b *inboxes) broadcasts() {
	for _, x := range b.t.Broadcasts {
		if !slices.Contains(x.Hearers, b.m.Participant) {
			continue
		}
		r := &Route{Topic: broadcast(x), Broadcast: x, Local: true}
		k := kind{profile: model.BuiltInProfiles[0]}
		if g := b.m.Spread; g != nil {
			k.group, k.broadcasts = b.m.ID.Value+".broadcasts", true
			b.add(k, b.way(r, g, nil))
			continue
		}
		b.add(k, b.way(r, nil, x.Pairs))
	}
}

// forwards adds what is published anew beside the machine.
func (b *inboxes) forwards() {
	for i, l := range b.t.Links {
		if l.FromMachine != b.m.Participant || !l.Forwarded() {
			continue
		}
		f := &Forward{Name: b.m.ID.Value + ".link-" + strconv.Itoa(i+1), Link: l}
		for _, r := range l.Routes {
			for _, t := range taken(l, r) {
				f.Routes = append(f.Routes, &Route{Topic: t, Way: r, Local: true})
			}
		}
		b.m.Forwards = append(b.m.Forwards, f)
	}
}
