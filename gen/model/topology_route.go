package model

import (
	"cmp"
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// transports reads which transport serves each location, and their settings.
func (b *topologyBuilder) transports() {
	for i, name := range defaultTransports {
		b.t.Locations[i] = b.use(TransportNamed(name), spec.Scalar{})
	}
	for _, c := range b.spec.Locations {
		i := slices.Index(locationNames[:], c.Location.Value)
		if i < 0 {
			b.diags.Add(diag.UnknownTransport, c.Location.Pos, "there is no location %q", c.Location.Value).WithHint("%s", b.diags.Suggest(c.Location.Value, slices.Values(locationNames[:])))
			continue
		}
		if k := b.kind(c.Transport); k != nil && !k.CanServe(Location(i)) {
			b.diags.Add(diag.BadLocation, c.Transport.Pos, "%s cannot serve %s", k.Name, c.Location.Value).WithHint("it can be %s", serving(Location(i)))
		} else if k != nil {
			b.t.Locations[i] = b.use(k, c.Transport)
		}
	}
	for _, o := range b.spec.Transports {
		if k := b.kind(o.Name); k != nil {
			b.settings(b.use(k, o.Name), o)
		}
	}
}

// serving lists the transports that can serve a location.
func serving(l Location) string {
	s := ""
	for _, k := range TransportKinds {
		if k.Available && k.CanServe(l) {
			if s != "" {
				s += " or "
			}
			s += "`" + k.Name + "`"
		}
	}
	return s
}

// kind is the transport of a name, or nil, which is reported.
func (b *topologyBuilder) kind(s spec.Scalar) *TransportKind {
	k := TransportNamed(s.Value)
	switch {
	case !s.IsSet():
	case k == nil:
		b.diags.Add(diag.UnknownTransport, s.Pos, "there is no transport %q", s.Value).
			WithHint("%s", suggest(b.names, s.Value, TransportKinds, func(k *TransportKind) string { return k.Name }))
	case !k.Available:
		b.diags.Add(diag.NotYetSupported, s.Pos, "the transport %s is not available yet", k.Name)
	}
	return k
}

// use is the topology's transport of a kind.
func (b *topologyBuilder) use(k *TransportKind, named spec.Scalar) *Transport {
	for _, t := range b.t.Transports {
		if t.Kind == k {
			if !t.Pos.IsValid() {
				t.Pos = named.Pos
			}
			return t
		}
	}
	t := &Transport{Kind: k, Pos: named.Pos}
	for _, s := range k.Settings {
		t.Settings = append(t.Settings, b.defaultSetting(s))
	}
	b.t.Transports = append(b.t.Transports, t)
	slices.SortFunc(b.t.Transports, func(x, y *Transport) int {
		return cmp.Compare(slices.Index(TransportKinds, x.Kind), slices.Index(TransportKinds, y.Kind))
	})
	return t
}

func (b *topologyBuilder) settings(t *Transport, o *spec.Options) {
	for _, s := range o.Settings {
		i := slices.IndexFunc(t.Kind.Settings, func(k SettingKind) bool { return k.Name == s.Key.Value })
		if i < 0 {
			d := b.diags.Add(diag.BadSetting, s.Key.Pos, "the transport %s has no setting %q", t.Kind.Name, s.Key.Value)
			if len(t.Kind.Settings) == 0 {
				d.WithHint("it has none at all")
			} else {
				d.WithHint("%s", suggest(b.names, s.Key.Value, t.Kind.Settings, func(k SettingKind) string { return k.Name }))
			}
			continue
		}
		if s.Value.Value == "" || s.Value.Tag == "!!null" {
			b.diags.Add(diag.BadSetting, s.Value.Pos, "%s of %s is empty", s.Key.Value, t.Kind.Name).WithHint("leave it out for its default")
			continue
		}
		t.Settings[i] = b.setting(s.Key.Value, s.Value)
	}
}

// between is a transport that a link names for its way between processes.
func (b *topologyBuilder) between(s spec.Scalar) *Transport {
	k := b.kind(s)
	if k == nil {
		return nil
	}
	if !k.CanServe(SameMachine) && !k.CanServe(Remote) {
		b.diags.Add(diag.BadLocation, s.Pos, "%s does not leave the process: `via` is for links between processes", k.Name).
			WithHint("within a process a link is a call if it says `inline: true`")
		return nil
	}
	return b.use(k, s)
}

func (b *topologyBuilder) subscriptions() {
	for _, s := range b.spec.Subscriptions {
		b.names.name(s.Name, "a subscription")
		x := &Subscription{Name: s.Name, Topics: s.Topics, Profile: b.profileNamed(s.Profile), ProfileName: s.Profile, Shared: s.Shared}
		i := slices.IndexFunc(b.t.Nodes, func(n *Node) bool { return n.Name.Value == s.Node.Value })
		if i >= 0 {
			x.Node = b.t.Nodes[i]
			x.Node.Subscriptions = append(x.Node.Subscriptions, x)
		} else if s.Node.IsSet() {
			b.diags.Add(diag.UnknownNode, s.Node.Pos, "there is no node %q", s.Node.Value).WithHint("%s", suggest(b.names, s.Node.Value, b.t.Nodes, nodeName))
		}
		for _, text := range s.Topics {
			if p, ok := b.pattern(text, "write a topic, or a pattern as `state.order.*` or `error.#`"); ok {
				x.Patterns = append(x.Patterns, p)
			}
		}
		b.t.Subscriptions = append(b.t.Subscriptions, x)
	}
}

// maxPairs is the most pairs of nodes that a topology may join.
const maxPairs = 1_000_000

// route finds for every two nodes that a link, a broadcast or a subscription joins
// where they are, and by which transport.
func (b *topologyBuilder) route() {
	b.published()
	budget := maxPairs
	for _, l := range b.t.Links {
		l.Pairs = b.pairs(l.Sources(), l.targets(), &budget)
		b.vias(l)
	}
	for _, g := range b.t.Groups {
		b.widest(g, nil)
	}
	for _, p := range b.t.Machines {
		b.spread(p, &budget)
	}
	for _, x := range b.t.Broadcasts {
		x.Pairs = b.pairs(b.t.Nodes, nodesOf(slices.DeleteFunc(slices.Clone(x.Hearers), isSpread)), &budget)
	}
	for _, s := range b.t.Subscriptions {
		if s.Node != nil {
			s.Pairs = b.pairs(b.publishers(s), []*Node{s.Node}, &budget)
		}
	}
	if budget < 0 {
		b.diags.Add(diag.TooLarge, b.t.ID.Pos, "the topology joins more than %d pairs of nodes", maxPairs)
	}
	b.needs()
}

// Sources are the nodes from which the link brings events.
func (l *Link) Sources() []*Node {
	switch {
	case l.FromNode != nil:
		return []*Node{l.FromNode}
	case l.FromMachine != nil:
		return l.FromMachine.Nodes
	}
	return nil
}

func (l *Link) targets() []*Node { return nodesOf(l.Receivers()) }

// nodesOf are the nodes on which some of the machines run, each once.
func nodesOf(list []*Participant) []*Node {
	var out []*Node
	seen := map[*Node]bool{}
	for _, p := range list {
		for _, n := range p.Nodes {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// pairs joins nodes, as long as the budget lasts.
func (b *topologyBuilder) pairs(from, to []*Node, budget *int) []*Pair {
	if *budget -= len(from) * len(to); *budget < 0 {
		return nil
	}
	var out []*Pair
	for _, f := range from {
		for _, t := range to {
			p := &Pair{From: f, To: t, Location: locate(f, t), Local: f == t}
			p.Transport = b.t.Locations[p.Location]
			out = append(out, p)
		}
	}
	return out
}

// locate is the farthest location of a process of one node and one of another.
func locate(f, t *Node) Location {
	switch {
	case f == t && f.Replicas == 1:
		return SameProcess
	case f == t || f.Host == t.Host:
		return SameMachine
	}
	return Remote
}

// vias applies what a link itself says of its way.
func (b *topologyBuilder) vias(l *Link) {
	refused := false
	for _, p := range l.Pairs {
		switch {
		case l.Inline && p.Location == SameProcess:
			p.Location, p.Transport = SameThread, b.t.Locations[SameThread]
		case l.Via == nil || p.Location <= SameProcess:
		case !l.Via.Kind.CanServe(p.Location):
			if !refused {
				b.diags.Add(diag.BadLocation, l.ViaName.Pos, "%s cannot join %s and %s, which run on two hosts", l.Via.Kind.Name, p.From.Name.Value, p.To.Name.Value)
			}
			refused = true
		default:
			p.Transport = l.Via
		}
	}
}

func isSpread(p *Participant) bool { return p.Spread != nil }

// spread makes a group of the processes of a keyed machine, if there are several. The
// code of each of their nodes may send to it, and if it hears a broadcast that of all.
func (b *topologyBuilder) spread(p *Participant, budget *int) {
	if !p.Keyed() || p.Processes() < 2 {
		return
	}
	p.Spread = &Group{Name: p.ID, Machine: p, Policy: Sticky}
	for _, l := range b.t.Links {
		if l.ToMachine == p && l.ToGroup == nil {
			p.Spread.Links = append(p.Spread.Links, l)
		}
	}
	senders := p.Nodes
	if b.hearsBroadcasts(p) {
		senders = b.t.Nodes
	}
	b.widest(p.Spread, b.pairs(senders, p.Nodes, budget))
}

func (b *topologyBuilder) hearsBroadcasts(p *Participant) bool {
	return slices.ContainsFunc(b.t.Broadcasts, func(x *Broadcast) bool { return slices.Contains(x.Hearers, p) })
}

// widest chooses the one transport that a group's links share, and whoever else sends
// to it.
func (b *topologyBuilder) widest(g *Group, others []*Pair) {
	var via *Link
	for _, p := range others {
		g.Location = max(g.Location, p.Location)
		g.Transport = b.t.Locations[g.Location]
	}
	for _, l := range g.Links {
		for _, p := range l.Pairs {
			g.Location = max(g.Location, p.Location)
			if p.Location > SameProcess || g.Transport == nil {
				g.Transport = b.t.Locations[g.Location]
			}
		}
		switch {
		case l.Via == nil:
		case via == nil:
			via = l
		case via.Via != l.Via:
			b.diags.Add(diag.BadLink, l.ViaName.Pos, "the links to group %s go via different transports", g.Name.Value).WithRelated(via.ViaName.Pos, "another one").
				WithHint("all members of a group use one transport")
		}
	}
	switch {
	case via == nil || g.Location <= SameProcess:
	case via.Via.Kind.CanServe(g.Location):
		g.Transport = via.Via
	default:
		b.tooWide(g, via)
	}
	for _, l := range g.Links {
		for _, p := range l.Pairs {
			p.Transport = g.Transport
		}
	}
}

// tooWide reports that what a link says of its way cannot hold for its group, to which
// others send from farther away. Where the link's own ends are too far apart that has been
// reported.
func (b *topologyBuilder) tooWide(g *Group, l *Link) {
	far := func(p *Pair) bool { return p.Location == g.Location }
	if slices.ContainsFunc(l.Pairs, far) {
		return
	}
	d := b.diags.Add(diag.BadLocation, l.ViaName.Pos, "%s cannot join all that send to %s and its processes, which run on two hosts", l.Via.Kind.Name, g.Name.Value)
	if i := slices.IndexFunc(g.Links, func(l *Link) bool { return slices.ContainsFunc(l.Pairs, far) }); i >= 0 {
		d.WithRelated(g.Links[i].Pos, "this link is between hosts")
	}
	d.WithHint("all that comes to a group comes by one transport: it can be %s", serving(g.Location))
}

// published collects the topics on which nodes publish.
func (b *topologyBuilder) published() {
	add := func(nodes []*Node, p topic.Pattern) {
		b.t.Published = append(b.t.Published, &Published{p, nodes})
	}
	from := b.sources()
	for _, p := range b.t.Machines {
		if p.Machine == nil {
			continue
		}
		for _, s := range p.Machine.Leaves() {
			add(p.Nodes, p.Topic(TopicState, s.Path))
		}
		for _, e := range p.Machine.Emits {
			add(p.Nodes, p.Topic(TopicEmit, e.Name.Value))
		}
		for _, k := range FailureKinds {
			add(p.Nodes, p.Topic(TopicError, k))
		}
		for _, e := range p.Machine.Events {
			add(union(p.Nodes, from[destination{p, nil, e}]), p.Topic(TopicEvent, e.Name.Value))
		}
	}
	for _, g := range b.t.Groups {
		for _, e := range g.Events((*Link).ByTopic) {
			add(from[destination{g.Machine, g, e}], g.Topic(e))
		}
	}
	for _, x := range b.t.Broadcasts {
		add(b.t.Nodes, topic.Pattern(x.Topic()))
	}
}

// destination is an event of a machine, or of a group of it.
type destination struct {
	machine *Participant
	group   *Group
	event   *Event
}

// sources are the nodes at which links begin that have events be published on the topics of
// their receivers.
func (b *topologyBuilder) sources() map[destination][]*Node {
	out := map[destination][]*Node{}
	for _, l := range b.t.Links {
		if !l.ByTopic() || l.ToMachine == nil {
			continue
		}
		for _, r := range l.Routes {
			d := destination{l.ToMachine, l.ToGroup, r.Target}
			out[d] = union(out[d], l.Sources())
		}
	}
	return out
}

// union are the nodes of two lists, each once.
func union(list, more []*Node) []*Node {
	out := slices.Clone(list)
	for _, n := range more {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// publishers are the nodes that may publish something a subscription hears.
func (b *topologyBuilder) publishers(s *Subscription) []*Node {
	heard := map[*Node]bool{}
	for _, t := range b.t.Published {
		if slices.ContainsFunc(s.Patterns, func(p topic.Pattern) bool { return b.overlaps.Any(p, t.Pattern) }) {
			for _, n := range t.Nodes {
				heard[n] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(b.t.Nodes), func(n *Node) bool { return !heard[n] })
}

// needs notes the transports that each node uses.
func (b *topologyBuilder) needs() {
	used := map[*Node]map[*Transport]bool{}
	for _, n := range b.t.Nodes {
		used[n] = map[*Transport]bool{}
	}
	note := func(pairs []*Pair) {
		for _, p := range pairs {
			used[p.From][p.Transport] = true
			used[p.To][p.Transport] = true
		}
	}
	for _, l := range b.t.Links {
		note(l.Pairs)
	}
	for _, x := range b.t.Broadcasts {
		note(x.Pairs)
	}
	for _, s := range b.t.Subscriptions {
		note(s.Pairs)
	}
	for _, p := range b.t.Machines {
		if p.Spread == nil {
			continue
		}
		for _, n := range p.Nodes {
			used[n][p.Spread.Transport] = true
		}
		if b.hearsBroadcasts(p) {
			for _, n := range b.t.Nodes {
				used[n][p.Spread.Transport] = true
			}
		}
	}
	for _, n := range b.t.Nodes {
		for _, t := range b.t.Transports {
			if used[n][t] {
				n.Transports = append(n.Transports, t)
			}
		}
	}
}
