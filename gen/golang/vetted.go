package golang

import (
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// vetted are the names of methods whose signature `go vet` knows better.
var vetted = map[string]bool{
	"GobDecode": true, "GobEncode": true, "MarshalJSON": true, "MarshalXML": true, "ReadByte": true, "ReadRune": true,
	"UnmarshalJSON": true, "UnmarshalXML": true, "UnreadByte": true, "UnreadRune": true, "WriteByte": true,
}

// checkVetted reports what would be a method that vet objects to: of Guards,
// Actions, Services, Children, Publisher, Handler or a role.
func checkVetted(m *model.Machine, l *diag.List) {
	refuse := func(what string, name spec.Scalar) {
		if method := goname.Exported(name.Value); vetted[method] {
			l.Add(diag.NameCollision, name.Pos, "%s %s would be a method %s in Go, which `go vet` wants to be another", what, name.Value, method)
		}
	}
	for _, x := range m.Guards {
		refuse("the guard", x.Name)
	}
	for _, x := range m.Actions {
		refuse("the action", x.Name)
	}
	for _, s := range m.Services {
		refuse("the service", s.Name)
	}
	for _, c := range m.Children {
		refuse("the invoked machine", c.Service.Name)
	}
	for _, e := range slices.Concat(m.Events, m.Emits) {
		refuse("the event", e.Name)
	}
	for _, r := range m.Sends {
		for _, e := range r.Events {
			refuse("the event", e.Name)
		}
	}
}
