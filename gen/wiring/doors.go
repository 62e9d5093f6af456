package wiring

import (
	"slices"
	"time"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// Door is somebody to whom the code of a node may send.
type Door struct {
	Machine *model.Participant // who takes the events
	Group   *model.Group       // nil if it is the machine itself
	// Self says that the code calls its own process's machine: it runs in several, and
	// topics do not tell them apart.
	Self     bool
	Sends    []*Send
	Requests []*Send
}

// Send is an event that may be sent, or asked.
type Send struct {
	Topic   Topic
	Via     *model.Transport // of a request: by which it leaves the process; nil if it does not
	Timeout time.Duration    // of a request; 0 leaves it to the ctx
}

// doors are those of a node: its own machines, and what its links lead to.
func (w *wirer) doors(n *model.Node) []*Door {
	var out []*Door
	for _, p := range n.Machines {
		if len(p.Machine.Events) > 0 {
			out = append(out, w.ownDoor(n, p))
		}
	}
	for _, l := range n.Sends {
		d := door(&out, l)
		for _, r := range l.Routes {
			if !slices.ContainsFunc(d.Sends, func(s *Send) bool { return s.Topic.Event == r.Target }) {
				d.Sends = append(d.Sends, &Send{Topic: Target(l, r)})
			}
		}
	}
	for _, l := range n.Requests {
		d := door(&out, l)
		for _, r := range l.Routes {
			i := slices.IndexFunc(d.Requests, func(s *Send) bool { return s.Topic.Event == r.Target })
			if i < 0 {
				d.Requests = append(d.Requests, &Send{Topic: Target(l, r), Via: w.asks(n, l)})
				i = len(d.Requests) - 1
			}
			d.Requests[i].Timeout = l.Timeout
		}
	}
	return out
}

// ownDoor is that to a machine of the node, to which its code may send everything.
func (w *wirer) ownDoor(n *model.Node, p *model.Participant) *Door {
	d := &Door{Machine: p, Self: !p.Keyed() && p.Processes() > 1}
	var via *model.Transport
	if g := p.Spread; g != nil {
		via = g.Transport
	}
	for _, e := range p.Machine.Events {
		d.Sends = append(d.Sends, &Send{Topic: event(p, e)})
		if e.HasReply {
			d.Requests = append(d.Requests, &Send{Topic: event(p, e), Via: via})
		}
	}
	return d
}

// door is that to which a link leads.
func door(doors *[]*Door, l *model.Link) *Door {
	for _, d := range *doors {
		if d.Machine == l.ToMachine && d.Group == l.ToGroup {
			return d
		}
	}
	d := &Door{Machine: l.ToMachine, Group: l.ToGroup}
	*doors = append(*doors, d)
	return d
}

// asks is the transport by which a link's requests leave a node, nil if they do not.
func (w *wirer) asks(n *model.Node, l *model.Link) *model.Transport {
	if ways := w.ways(n, l); l.Kind == spec.Requests && len(ways) > 0 {
		return ways[0]
	}
	return nil
}
