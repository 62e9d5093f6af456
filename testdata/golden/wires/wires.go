// Package wires joins the nodes of golden topologies within one process: in place of each
// transport it opens one in memory, which all nodes share.
package wires

import (
	"context"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
)

// Network is what the nodes of a test share: one transport for each name.
type Network struct {
	mu      sync.Mutex
	shared  map[string]*memory.Transport
	opened  []transport.Config
	onError func(error)
}

// New returns a network that is closed when the test ends. What fails in the background
// fails the test.
func New(t testing.TB) *Network {
	n := &Network{shared: map[string]*memory.Transport{}, onError: func(err error) { t.Error(err) }}
	t.Cleanup(func() {
		for name, x := range n.shared {
			if err := x.Close(context.Background()); err != nil {
				t.Errorf("closing %s: %v", name, err)
			}
		}
	})
	return n
}

// Config is what a process of a node is given: the openers of transports by name.
func (n *Network) Config(replica int, names ...string) node.Config {
	c := node.Config{Replica: replica, OnError: n.onError, Transports: map[string]transport.Opener{}}
	for _, name := range names {
		c.Transports[name] = func(_ context.Context, c transport.Config) (transport.Transport, error) {
			return n.open(name, c), nil
		}
	}
	return c
}

// Opened are the configurations with which transports were opened.
func (n *Network) Opened() []transport.Config {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.opened
}

func (n *Network) open(name string, c transport.Config) transport.Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.shared[name] == nil {
		n.shared[name] = memory.New()
	}
	n.opened = append(n.opened, c)
	p := &port{Transport: n.shared[name]}
	p.status.Set(transport.Ready, nil)
	return p
}

// port is a node's end of a transport that others share: closing it closes no other's.
type port struct {
	transport.Transport
	status transport.Status
}

// Status implements transport.Transport.
func (p *port) Status() *transport.Status { return &p.status }

// Close implements transport.Transport. The node has closed its subscriptions before.
func (p *port) Close(context.Context) error {
	p.status.Set(transport.Closed, nil)
	return nil
}
