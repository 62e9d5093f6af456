package wiring_test

import "testing"

// TestTransports has one link in all locations: where its ends run says how its events
// travel, what leaves, and whom the transport joins.
func TestTransports(t *testing.T) {
	const link = "links: [{from: a, sends: note, to: lamp}]\n"
	for name, c := range map[string]struct {
		text                  string
		leaves, opens, opened string // opened is at the receiver; all are empty in one process
	}{
		"one process": {text: "nodes: {a: {host: h1, machines: [lamp]}}\n" + link},
		"one host": {
			"nodes: {a: {host: h1}, b: {host: h1, machines: [lamp]}}\n" + link,
			"event.lamp.note by zeromq default", "zeromq b, b.lamp [event.lamp.*]", "zeromq a",
		},
		"one host, unix": {
			"nodes: {a: {host: h1}, b: {host: h1, machines: [lamp]}}\nlocations: {same-machine: unix}\n" + link,
			"event.lamp.note by unix default", "unix b, b.lamp [event.lamp.*]", "unix a",
		},
		"two hosts": {
			"nodes: {a: {host: h1}, b: {host: h2, machines: [lamp]}}\n" + link,
			"event.lamp.note by amqp default", "amqp b, b.lamp [event.lamp.*]", "amqp a",
		},
		"two hosts without a server": {
			"nodes: {a: {host: h1, listen: 'tcp://*:${P}'}, b: {host: h2, machines: [lamp], listen: 'tcp://b.net:71'}}\nlocations: {remote: zeromq}\n" + link,
			"event.lamp.note by zeromq default", "zeromq at tcp://*:$P b=tcp://b.net:71, b.lamp [event.lamp.*]", "zeromq at tcp://b.net:71 a=tcp://10.0.0.1:$P",
		},
		"via": {
			"nodes: {a: {host: h1}, b: {host: h1, machines: [lamp]}}\nlinks: [{from: a, sends: note, to: lamp, via: amqp}]\n",
			"event.lamp.note by amqp default", "amqp b, b.lamp [event.lamp.*]", "amqp a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := wired(t, c.text)
			a, last := node(t, w, "a"), w.Nodes[len(w.Nodes)-1]
			if c.leaves == "" {
				expect(t, "what is heard", inboxes(a), "lamp default: event.lamp.* here")
				expect(t, "what leaves", outgoing(a))
				expect(t, "what is opened", transports(a))
				return
			}
			by := a.Transports[0].Kind.Name
			expect(t, "what leaves", outgoing(a), c.leaves)
			expect(t, "what the sender opens", transports(a), c.opens)
			expect(t, "what is heard", inboxes(last), "lamp default: event.lamp.* here by "+by)
			expect(t, "what the receiver opens", transports(last), c.opened)
		})
	}
}

// TestOneWayEach has what comes from several nodes by several transports come once: by
// each transport the nodes that send by another one are left out.
func TestOneWayEach(t *testing.T) {
	w := wired(t, `
nodes: {a: {host: h1, machines: [cell]}, c: {host: h2, machines: [cell]}, b: {host: h1, machines: [lamp]}}
links: [{from: cell, emits: did, to: lamp, event: note}, {from: cell, sends: light, to: lamp}]
`)
	const ways = " by zeromq+amqp (by zeromq not from c) (by amqp not from a)"
	expect(t, "what b hears", inboxes(node(t, w, "b")), "lamp default: event.lamp.* here"+ways+", emit.cell.+.did"+ways+" as note")
	for name, by := range map[string]string{"a": "zeromq", "c": "amqp"} {
		expect(t, "what leaves "+name, outgoing(node(t, w, name)),
			"emit.cell.+.did by "+by+" default", "event.lamp.note by "+by+" default",
			"event.cell.+.go by amqp default", "event.cell.+.ask by amqp default", "event.cell.+.drain by amqp default")
	}
}

// TestInboxes sorts what a machine hears by profile, and what is inline.
func TestInboxes(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // of the node a
	}{
		"one profile is one inbox": {
			"nodes: {a: {host: h1, machines: [cell, lamp]}}\nlinks: [{from: cell, sends: light, to: lamp}, {from: cell, emits: did, to: lamp, event: note}]\n",
			[]string{"cell default: event.cell.+.* here", "lamp default: event.lamp.* here, emit.cell.+.did here as note"},
		},
		"a profile of all own events": {
			"nodes: {a: {host: h1, machines: [lamp]}}\nlinks: [{from: a, sends: [note, dim, drain], to: lamp, profile: reliable}]\n",
			[]string{"lamp.reliable reliable: event.lamp.* here"},
		},
		"several profiles": {
			`
nodes: {a: {host: h1, machines: [cell, lamp]}, d: {host: h1}}
profiles: {slow: {capacity: 5}}
links:
  - {from: cell, sends: light, to: lamp, profile: slow}
  - {from: d, sends: [note, drain], to: lamp}
  - {from: cell, emits: did, to: lamp, event: note, profile: reliable}
`,
			[]string{
				"cell default: event.cell.+.* here", "lamp.slow slow: event.lamp.note here by zeromq",
				"lamp default: event.lamp.dim here, event.lamp.drain here by zeromq", "lamp.reliable reliable: emit.cell.+.did here as note",
			},
		},
		"inline": {
			"nodes: {a: {host: h1, machines: [cell, lamp]}}\nlinks: [{from: cell, sends: light, to: lamp}, {from: cell, emits: did, to: lamp, event: note, inline: true}]\n",
			[]string{"cell default: event.cell.+.* here", "lamp default: event.lamp.* here", "lamp.inline default direct: emit.cell.+.did here as note"},
		},
		"a profile and a group of one name": {
			`
nodes: {a: {host: h1, machines: [lamp]}}
profiles: {team: {capacity: 5}}
groups: {team: {machine: lamp}}
links: [{from: a, sends: note, to: team}, {from: a, sends: [note, dim, drain], to: lamp, profile: team}]
`,
			[]string{"lamp.team team: event.lamp.* here", "lamp.team_ default of team round-robin: group.team.note here"},
		},
		"several processes have no topic of their own": {
			"nodes: {a: {host: h1, machines: [lamp], replicas: 2}}\ngroups: {team: {machine: lamp}}\nlinks: [{from: a, sends: note, to: team}]\n",
			[]string{"lamp.team default of team round-robin: group.team.note by zeromq"},
		},
	} {
		t.Run(name, func(t *testing.T) { expect(t, "what a hears", inboxes(node(t, wired(t, c.text), "a")), c.want...) })
	}
}

// TestGroups has one transport, the widest, for all members; several profiles are several
// groups, whose events leave by the same profile.
func TestGroups(t *testing.T) {
	w := wired(t, `
nodes: {a: {host: h1}, b: {host: h1, machines: [lamp], replicas: 2}, c: {host: h2, machines: [lamp]}}
groups: {team: {machine: lamp, policy: least-loaded}}
links:
  - {from: a, sends: note, to: team}
  - {from: a, sends: drain, to: team, profile: reliable}
  - {from: a, requests: dim, to: team, timeout: 3s}
`)
	for _, name := range []string{"b", "c"} {
		expect(t, "what "+name+" hears", inboxes(node(t, w, name)),
			"lamp.team default of team least-loaded: group.team.note by amqp, group.team.dim by amqp",
			"lamp.team.reliable reliable of team.reliable least-loaded: group.team.drain by amqp")
		expect(t, "what "+name+" opens", transports(node(t, w, name)), "amqp a")
	}
	a := node(t, w, "a")
	expect(t, "what leaves a", outgoing(a), "group.team.note by amqp default", "group.team.drain by amqp reliable")
	expect(t, "what a opens", transports(a), "amqp b c, b.lamp.team [group.team.note group.team.dim] of team, b.lamp.team.reliable [group.team.drain] of team.reliable")
	expect(t, "to whom a sends", doors(a), "team group.team.note group.team.drain ?group.team.dim by amqp in 3s")
}

// TestWhoMaps has what is emitted be mapped where it is received, unless a key of the
// receiver says who that is, or it becomes a broadcast: then beside its source.
func TestWhoMaps(t *testing.T) {
	w := wired(t, `
nodes: {a: {host: h1, machines: [cell]}, b: {host: h1, machines: [lamp], replicas: 2}}
groups: {team: {machine: lamp}, own: {machine: lamp, policy: sticky}}
broadcasts: {stop: {n: int}, drain: {}}
links:
  - {from: cell, emits: did, to: team, event: note}
  - {from: cell, states: still, to: own, event: note, map: {n: '1'}, key: key}
  - {from: cell, emits: did, broadcast: stop}
`)
	a, b := node(t, w, "a"), node(t, w, "b")
	expect(t, "what a hears", inboxes(a),
		"cell default: event.cell.+.* here, broadcast.drain here by zeromq",
		"cell.link-2: state.cell.+.still here as note", "cell.link-3: emit.cell.+.did here as stop")
	expect(t, "what leaves a", outgoing(a), "emit.cell.+.did by zeromq default", "group.own.+.note by zeromq default", "broadcast.drain by zeromq default")
	expect(t, "what b hears", inboxes(b),
		"lamp.team default of team round-robin: emit.cell.+.did by zeromq as note",
		"lamp.own default of own sticky: group.own.+.note by zeromq", "lamp default: broadcast.drain here by zeromq")
	expect(t, "what a opens", transports(a),
		"zeromq b, a.cell [broadcast.drain], b.lamp.team [emit.cell.+.did] of team, b.lamp.own [group.own.+.note] of own, b.lamp [broadcast.drain], b.1.lamp [broadcast.drain]")
}

// TestSpread has the processes of a keyed machine share its events, by one transport, which
// also brings what their own code sends; one of them gets each broadcast. What no link brings
// has one profile at both ends.
func TestSpread(t *testing.T) {
	w := wired(t, `
nodes: {a: {host: h1, machines: [cell], replicas: 2}, b: {host: h2, machines: [cell]}, d: {host: h1}}
links: [{from: d, sends: go, to: cell, profile: reliable}, {from: d, requests: ask, to: cell}]
broadcasts: {drain: {}}
`)
	queues := []string{
		"cell reliable of cell sticky: event.cell.+.go by amqp, event.cell.+.drain by amqp",
		"cell.default default of cell.default sticky: event.cell.+.ask by amqp",
		"cell.broadcasts default of cell.broadcasts round-robin: broadcast.drain by amqp",
	}
	for name, peers := range map[string]string{"a": "amqp a b d", "b": "amqp a d"} {
		n := node(t, w, name)
		expect(t, "what "+name+" hears", inboxes(n), queues...)
		expect(t, "what leaves "+name, outgoing(n),
			"event.cell.+.go by amqp reliable", "event.cell.+.ask by amqp default", "event.cell.+.drain by amqp reliable", "broadcast.drain by amqp default")
		expect(t, "what "+name+" opens", transports(n), peers+
			", a.cell [event.cell.+.go event.cell.+.drain] of cell, a.cell.default [event.cell.+.ask] of cell.default, a.cell.broadcasts [broadcast.drain] of cell.broadcasts")
		expect(t, "to whom "+name+" sends", doors(n), "cell event.cell.+.go event.cell.+.ask event.cell.+.drain ?event.cell.+.ask by amqp")
	}
	expect(t, "what leaves d", outgoing(node(t, w, "d")), "event.cell.+.go by amqp reliable", "broadcast.drain by amqp default")
}

// TestDoors are those of a node: its own machines with all that they take, the others with
// what its links name, once each.
func TestDoors(t *testing.T) {
	w := wired(t, `
nodes: {a: {host: h1, machines: [cell, lamp]}, b: {host: h1, machines: [lamp]}, c: {host: h1}}
groups: {team: {machine: lamp}}
links:
  - {from: b, sends: [go, drain], to: cell}
  - {from: b, sends: go, to: cell}
  - {from: b, requests: ask, to: cell, timeout: 2s}
  - {from: b, requests: dim, to: team}
  - {from: a, sends: drain, to: team}
`)
	const own = "lamp itself event.lamp.note event.lamp.dim event.lamp.drain ?event.lamp.dim"
	expect(t, "to whom a sends", doors(node(t, w, "a")), "cell event.cell.+.go event.cell.+.ask event.cell.+.drain ?event.cell.+.ask", own, "team group.team.drain")
	expect(t, "to whom b sends", doors(node(t, w, "b")), own, "cell event.cell.+.go event.cell.+.drain ?event.cell.+.ask by zeromq in 2s", "team ?group.team.dim by zeromq")
	expect(t, "to whom c sends", doors(node(t, w, "c")))
}

// TestSubscriptions hear what comes by all ways, once; one process of a node hears a shared
// one, whose events all come by transports. Of what is published on topics that nobody
// publishes on from elsewhere nothing leaves.
func TestSubscriptions(t *testing.T) {
	w := wired(t, `
nodes: {a: {host: h1, machines: [cell]}, b: {host: h2, machines: [lamp]}, c: {host: h1, replicas: 2}}
groups: {team: {machine: lamp}}
links: [{from: cell, sends: light, to: lamp}, {from: cell, emits: did, to: team, event: note}]
subscriptions:
  all: {node: c, topics: ['state.#', 'error.#', 'emit.cell.#', 'group.#']}
  one: {node: a, topics: ['event.lamp.*'], profile: reliable}
  some: {node: c, topics: [emit.lamp.lit], shared: true}
`)
	const ways = " by zeromq+amqp (by zeromq not from b) (by amqp not from a)"
	expect(t, "what c hears", subscriptions(node(t, w, "c")),
		"all: state.#"+ways+", error.#"+ways+", emit.cell.#"+ways+", group.#"+ways+"; hears state.cell.+.still emit.cell.+.did error.cell.+.action state.lamp.off",
		"some: emit.lamp.lit by amqp; hears emit.lamp.lit")
	expect(t, "what a hears", subscriptions(node(t, w, "a")), "one: event.lamp.* here by amqp; hears event.lamp.note event.lamp.dim event.lamp.drain")
	expect(t, "what leaves b", outgoing(node(t, w, "b")), "state.# by amqp default", "error.# by amqp default", "event.lamp.* by amqp reliable", "emit.lamp.lit by amqp default")
	var types []string
	for _, x := range w.Topics {
		types = append(types, string(x.Pattern))
	}
	expect(t, "what has a type", types, "event.lamp.note", "emit.cell.+.did", "event.lamp.dim", "event.lamp.drain", "state.cell.+.*", "state.lamp.*", "emit.lamp.lit", "error.#")
}
