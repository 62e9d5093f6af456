package check

import "github.com/xsgen/xsgen/gen/diag"

// broadcastMismatch: a machine has an event of a broadcast's name, but cannot hear it.
func broadcastMismatch(p *topologyPass) {
	for _, x := range p.t.Broadcasts {
		for _, m := range x.Mismatched {
			d := p.Add(diag.BroadcastMismatch, x.Event.Name.Pos, "%s does not hear the broadcast %s: its event has other fields", m.ID.Value, x.Event.Name.Value)
			for _, e := range m.Machine.Events {
				if e.Name.Value == x.Event.Name.Value {
					d.WithRelated(e.Name.Pos, "the machine's event")
				}
			}
			d.WithHint("give both the same fields, and no reply")
		}
	}
}
