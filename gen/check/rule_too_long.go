package check

import (
	"strconv"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
)

// tooLong: names of queues that a broker does not take, and paths that no socket can
// have. Of a value with variables the length is the least that can be expected. Topics
// are short enough on every transport, since the names that they are made of are.
func tooLong(p *topologyPass) {
	for _, t := range p.t.Transports {
		if t.Kind.NameLimit > 0 {
			p.longNames(t)
		}
		if t.Kind.PathLimit > 0 {
			p.longPaths(t)
		}
	}
}

// setting is a transport's setting of a name, or nil.
func setting(t *model.Transport, name string) *model.Setting {
	for _, s := range t.Settings {
		if s.Key == name {
			return s
		}
	}
	return nil
}

// longNames looks at the queues that nodes have on a broker.
func (p *topologyPass) longNames(t *model.Transport) {
	prefix := setting(t, "prefix")
	check := func(rest string, at source.Pos) bool {
		n := prefix.Length() + len(rest)
		if n > t.Kind.NameLimit {
			p.Add(diag.TooLong, where(prefix.Text, at), "%s would have a queue whose name has %d bytes, and takes at most %d", t.Kind.Name, n, t.Kind.NameLimit).
				WithRelated(at, "that of this: its prefix, and then %s", rest)
		}
		return n > t.Kind.NameLimit
	}
	for _, n := range p.t.Nodes {
		if !needs(n, t) {
			continue
		}
		for _, m := range n.Machines {
			if check("."+n.Name.Value+"."+m.ID.Value, n.Name.Pos) {
				return
			}
		}
		for _, s := range n.Subscriptions {
			if check("."+n.Name.Value+"."+s.Name.Value, s.Name.Pos) {
				return
			}
		}
	}
	for _, g := range p.t.Groups {
		if g.Transport == t && check(".group."+g.Name.Value, g.Name.Pos) {
			return
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
