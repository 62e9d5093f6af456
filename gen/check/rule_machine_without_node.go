package check

import "github.com/xsgen/xsgen/gen/diag"

// machineWithoutNode: a machine of the topology that no node runs.
func machineWithoutNode(p *topologyPass) {
	for _, m := range p.t.Machines {
		if len(m.Nodes) == 0 {
			p.Add(diag.MachineWithout, m.ID.Pos, "the machine %s runs on no node", m.ID.Value).
				WithHint("add it to the `machines` of a node, or leave it out")
		}
	}
}
