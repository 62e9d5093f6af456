package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// storeNotShared: instances of a keyed machine move between its processes when one
// comes or goes, so all must have them in reach.
func storeNotShared(p *topologyPass) {
	for _, m := range p.t.Machines {
		if !m.Keyed() || m.Processes() < 2 {
			continue
		}
		hosts := map[*model.Host]bool{}
		for _, n := range m.Nodes {
			hosts[n.Host] = true
		}
		switch {
		case m.Store == model.StoreMemory:
			p.Add(diag.StoreNotShared, m.ID.Pos, "%s runs in %d processes, which share its keys and have no store in common", m.ID.Value, m.Processes()).
				WithHint("add `store: shared`, or `store: files` if all of them run on one host")
		case m.Store == model.StoreFiles && len(hosts) > 1:
			p.Add(diag.StoreNotShared, m.ID.Pos, "%s runs on %d hosts, and files are shared on one only", m.ID.Value, len(hosts)).
				WithHint("use `store: shared`: the store is then given to each node when it starts")
		}
	}
}
