package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// notOnOneNode: an inline link is a call, for which both ends are in one process and
// in no other.
func notOnOneNode(p *topologyPass) {
	for _, l := range p.t.Links {
		if !l.Inline || l.ToMachine == nil || l.ToGroup != nil {
			continue
		}
		nodes := l.ToMachine.Nodes
		if l.FromMachine != nil {
			nodes = append(nodes[:len(nodes):len(nodes)], l.FromMachine.Nodes...)
		} else {
			nodes = append(nodes[:len(nodes):len(nodes)], l.FromNode)
		}
		for _, n := range nodes {
			if n != nodes[0] {
				p.Add(diag.NotOnOneNode, l.Spec.InlineKey.Pos, "%s and %s do not run on one node alone", l.From.Value, l.To.Value).
					WithRelated(nodes[0].Name.Pos, "this is one of their nodes").WithRelated(n.Name.Pos, "and this another").WithHint("leave out `inline`: the link then uses what their places call for")
				break
			}
			if n.Replicas > 1 {
				p.replicated(l, n)
				break
			}
		}
	}
}

func (p *topologyPass) replicated(l *model.Link, n *model.Node) {
	p.Add(diag.NotOnOneNode, l.Spec.InlineKey.Pos, "%s and %s run in %d processes each", l.From.Value, l.To.Value, n.Replicas).
		WithRelated(n.Name.Pos, "their node").WithHint("leave out `inline`")
}
