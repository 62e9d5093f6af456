package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// stickyWithoutKey: a link from a machine to a sticky group says by `key` which
// member an event goes to. A node's code gives the key with the event.
func stickyWithoutKey(p *topologyPass) {
	for _, g := range p.t.Groups {
		for _, l := range g.Links {
			if g.Policy == model.Sticky && l.FromMachine != nil && l.Spec.Key == nil {
				p.Add(diag.StickyWithoutKey, placeOf(l), "the group %s is sticky, and the link gives no key", g.Name.Value).
					WithRelated(g.Name.Pos, "the group").WithHint("add `key: <expression>`; the source's own key is `key: key`")
			}
		}
	}
}
