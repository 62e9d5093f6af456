package check

import (
	"fmt"
	"testing"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// ladder are machines of which each leads to both of the next step: there are more
// paths than can be walked.
func ladder(steps int) ([]way, [][2]*model.Participant) {
	var rungs [][2]*model.Participant
	var ways []way
	for i := range steps {
		rung := [2]*model.Participant{{ID: spec.Scalar{Value: fmt.Sprint("a", i)}}, {ID: spec.Scalar{Value: fmt.Sprint("b", i)}}}
		if rungs = append(rungs, rung); i == 0 {
			continue
		}
		for _, from := range rungs[i-1] {
			for _, to := range rung {
				ways = append(ways, way{from, to, &model.Link{Pos: source.Pos{Line: len(ways) + 1}}})
			}
		}
	}
	return ways, rungs
}

func TestCirclesOfALadder(t *testing.T) {
	ways, rungs := ladder(60)
	if c := circles(ways); len(c) > 0 {
		t.Errorf("there is a circle: %s", around(c[0]))
	}
	ways = append(ways, way{rungs[3][1], rungs[1][0], &model.Link{Pos: source.Pos{Line: 1000}}})
	c := circles(ways)
	if len(c) != 1 || len(c[0]) != 3 || around(c[0]) != "a1 -> a2 -> b3 -> a1" {
		t.Errorf("the circles are %v", c)
	}
	if len(c) > 0 && first(c[0]).link.Pos.Line > 10 {
		t.Errorf("the first link is on line %d", first(c[0]).link.Pos.Line)
	}
}
