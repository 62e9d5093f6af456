package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// unusedService: a declared service that nothing invokes.
func unusedService(p *pass) {
	used := map[*model.Service]bool{}
	for _, s := range p.m.States {
		for _, i := range s.Invokes {
			used[i.Service] = true
		}
	}
	for _, s := range p.m.Services {
		if !used[s] {
			p.Add(diag.UnusedService, s.Name.Pos, "nothing invokes the service %s", s.Name.Value)
		}
	}
}
