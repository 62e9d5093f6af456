package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// directCycle: inline links in a circle. Each machine would wait within its step for
// the next one's.
func directCycle(p *topologyPass) {
	for _, c := range circles(p.ways(func(l *model.Link) bool { return l.Inline })) {
		w := first(c)
		p.Add(diag.DirectCycle, w.link.Spec.InlineKey.Pos, "inline links lead in a circle: %s", around(c)).
			WithHint("make one of them a queue: leave out `inline`")
	}
}
