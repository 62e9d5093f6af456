package check

import (
	"strconv"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// setting is a transport's setting of a name, or nil.
func setting(t *model.Transport, name string) *model.Setting {
	for _, s := range t.Settings {
		if s.Key == name {
			return s
		}
	}
	return nil
}

// longNames: names of queues that a broker does not take. They are what follows from the
// whole topology; beside an error there may be none. Of a prefix with variables the length
// is the least that can be expected. Topics are short enough on every transport, since the
// names that they are made of are.
func longNames(p *topologyPass) {
	if len(p.Found(p.t.File)) > 0 {
		return
	}
	for _, t := range p.t.Transports {
		if t.Kind.NameLimit > 0 {
			p.longNames(t)
		}
	}
}

func (p *topologyPass) longNames(t *model.Transport) {
	prefix := setting(t, "prefix")
	for _, x := range wiring.Names(p.t, t) {
		if n := prefix.Length() + len(x.Text); n > t.Kind.NameLimit {
			p.Add(diag.TooLong, where(prefix.Text, x.Of.Pos), "%s would have a queue whose name has %d bytes, and takes at most %d", t.Kind.Name, n, t.Kind.NameLimit).
				WithRelated(x.Of.Pos, "that of this: its prefix, and then %s", x.Text).WithHint("give %s a shorter `prefix:`, or what is named here shorter names", t.Kind.Name)
			return
		}
	}
}

// longPaths: paths that no socket can have. Of a directory with variables the length is
// the least that can be expected.
func longPaths(p *topologyPass) {
	for _, t := range p.t.Transports {
		if t.Kind.PathLimit > 0 {
			p.longPaths(t)
		}
	}
}

func needs(n *model.Node, t *model.Transport) bool {
	for _, x := range n.Transports {
		if x == t {
			return true
		}
	}
	return false
}

// longPaths looks at the sockets of nodes: <dir>/<node>-<replica>.sock.
func (p *topologyPass) longPaths(t *model.Transport) {
	dir := setting(t, "dir")
	for _, n := range p.t.Nodes {
		if !needs(n, t) {
			continue
		}
		size := dir.Length() + len("/"+n.Name.Value+"-"+strconv.Itoa(n.Replicas-1)+".sock")
		if size > t.Kind.PathLimit {
			p.Add(diag.TooLong, where(dir.Text, n.Name.Pos), "the path of %s's socket would have %d bytes, and the most is %d", n.Name.Value, size, t.Kind.PathLimit).
				WithRelated(n.Name.Pos, "the node").WithHint("give %s a shorter `dir:`", t.Kind.Name)
			return
		}
	}
}
