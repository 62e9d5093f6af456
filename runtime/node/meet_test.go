package node_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/transport"
)

// shy is a transport that is connected when the test says so.
type shy struct {
	transport.Transport
	status transport.Status
}

func (s *shy) Status() *transport.Status { return &s.status }

// shyNode is a node with a machine and a transport that does not come to be connected.
func shyNode(w *network, log *heard) (*node.Node, *shy) {
	s := &shy{}
	n := node.New(w.plan("web", []string{"x"}), node.Config{OnError: func(error) {}, Around: func(_ string, t transport.Transport) transport.Transport {
		s.Transport = t
		return s
	}})
	n.AddMachine(steps(log, "a", ""))
	return n, s
}

// TestStartWaitsForItsTransports, so that what a machine says first is heard elsewhere; one
// that had a connection is not waited for.
func TestStartWaitsForItsTransports(t *testing.T) {
	for _, state := range []transport.State{transport.Ready, transport.Blocked, transport.Reconnecting} {
		inNetwork(t, func(t *testing.T, w *network) {
			var log heard
			n, s := shyNode(w, &log)
			done := make(chan error, 1)
			go func() { done <- n.Start(t.Context()) }()
			time.Sleep(time.Hour)
			synctest.Wait()
			log.expect(t, "before "+state.String(), "a connect")
			s.status.Set(state, nil)
			if err := <-done; err != nil {
				t.Errorf("%v: %v", state, err)
			}
			log.expect(t, "after "+state.String(), "a connect", "a open")
			if n.Ready() != (state == transport.Ready) {
				t.Errorf("%v: ready is %v", state, n.Ready())
			}
			shut(t, n)
		})
	}
}

// TestStartGivesUp when its ctx ends, says why there is no connection, and opens no machine.
func TestStartGivesUp(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var log heard
		n, s := shyNode(w, &log)
		s.status.Set(transport.Connecting, errNo)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := n.Start(ctx)
		if !errors.Is(err, transport.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errNo) {
			t.Errorf("%v", err)
		}
		log.expect(t, "the log", "a connect")
		if w.port("x", "web").open() == nil {
			t.Error("the transport was not closed")
		}
		shut(t, n)
	})
}
