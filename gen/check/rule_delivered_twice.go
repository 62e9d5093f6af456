package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
)

// deliveredTwice: two links bring one event to one machine. Links with different
// filters may divide the events between them.
func deliveredTwice(p *topologyPass) {
	known := map[delivery]*deliveries{}
	told := map[*model.Link]bool{}
	for _, l := range p.t.Links {
		for _, r := range l.Routes {
			for _, to := range l.Receivers() {
				for _, from := range sources(r) {
					d := delivery{from, to}
					if l.FromNode != nil {
						d.to = r.Target
					}
					if known[d] == nil {
						known[d] = &deliveries{filtered: map[string]*model.Route{}}
					}
					if before := known[d].add(r); before != nil && !told[l] {
						told[l] = true
						p.twice(r, before, to)
					}
				}
			}
		}
	}
}

// delivery is what comes from where: an event, a state or a node's link, and a
// machine, or for a node's link its event.
type delivery struct{ from, to any }

// door is a way for a node's code to send to a machine or a group.
type door struct {
	node  *model.Node
	kind  any
	group *model.Group
}

func sources(r *model.Route) []any {
	switch {
	case r.Link.FromNode != nil:
		return []any{door{r.Link.FromNode, r.Link.Kind, r.Link.ToGroup}}
	case r.Source != nil:
		return []any{r.Source}
	}
	var out []any
	for _, s := range r.States {
		out = append(out, s)
	}
	return out
}

// deliveries are the ways that one event takes to one machine.
type deliveries struct {
	whole    *model.Route            // one without a filter
	filtered map[string]*model.Route // by the filter
	any      *model.Route
}

// add notes a way, and returns one on which the same events come already.
func (d *deliveries) add(r *model.Route) *model.Route {
	before := d.any
	if r.Where != nil {
		if before = d.whole; before == nil {
			before = d.filtered[r.Where.Scalar.Value]
		}
		d.filtered[r.Where.Scalar.Value] = r
	} else {
		d.whole = r
	}
	d.any = r
	return before
}

func (p *topologyPass) twice(r, before *model.Route, to *model.Participant) {
	l := r.Link
	if l.FromNode != nil {
		p.Add(diag.DeliveredTwice, l.Pos, "another link lets %s send %s to %s already", l.From.Value, r.Target.Name.Value, l.To.Value).
			WithRelated(before.Link.Pos, "the other link")
		return
	}
	what := "a state change"
	if r.Source != nil {
		what = "the event " + r.Source.Name.Value
	}
	d := p.Add(diag.DeliveredTwice, placeOf(l), "%s of %s comes to %s twice", what, l.From.Value, to.ID.Value)
	if before.Link != l {
		d.WithRelated(placeOf(before.Link), "this link brings it, too")
	}
	d.WithHint("leave one out, or divide the events by `where` on both")
}

// placeOf is where a link says where it leads.
func placeOf(l *model.Link) source.Pos { return where(l.To, l.Pos) }
