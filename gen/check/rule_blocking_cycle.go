package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// blockingCycle: queues in a circle, each of which lets its publisher wait when it is
// full.
func blockingCycle(p *topologyPass) {
	blocks := func(l *model.Link) bool { return !l.Inline && l.Profile.Overflow == model.Block }
	for _, c := range circles(p.ways(blocks)) {
		w := first(c)
		d := p.Add(diag.BlockingCycle, placeOf(w.link), "links whose full queues block lead in a circle: %s", around(c)).
			WithHint("give one of them a profile with another `overflow`, or leave it to `publish-timeout` that a step goes on with an error")
		for _, other := range c {
			if other.link != w.link {
				d.WithRelated(placeOf(other.link), "and this one")
			}
		}
	}
}
