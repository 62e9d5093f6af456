package local

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// sender notes what it is told of its messages.
type sender struct {
	mu   sync.Mutex
	done map[uint64]bool // whether they were left
}

func (s *sender) Done(number uint64, size int64, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.done[number]; twice {
		panic("it was told twice")
	}
	s.done[number] = left
}

// TestOrigin has messages from elsewhere come to queues that are too small for them.
func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		policy transport.Overflow
		done   map[uint64]bool // by the time that one was handled, one failed and Close gave up
	}{
		{transport.Block, map[uint64]bool{1: false, 2: false, 3: true, 4: true}},
		{transport.Reject, map[uint64]bool{1: false, 2: false, 3: true, 4: true}},
		{transport.DropNewest, map[uint64]bool{1: false, 2: false, 3: false, 4: false}},
		{transport.DropOldest, map[uint64]bool{1: false, 2: false, 3: false, 4: false}},
	} {
		n := New(Config{Added: func(*Line) {}, Removed: func(*Line) {}})
		got := make(chan *transport.Delivery, 4)
		m, err := n.Subscribe(transport.SubscribeRequest{
			Patterns: []topic.Pattern{"#"}, Profile: transport.Profile{Capacity: 2, Overflow: tt.policy},
			Receive: func(_ context.Context, d *transport.Delivery) { got <- d },
		})
		if err != nil {
			t.Fatal(err)
		}
		from := &sender{done: map[uint64]bool{}}
		for i := range 4 {
			p := Pack(&transport.Message{Body: []byte("x")}, false)
			var b Batch
			b.Add(m.Line(), p, 0, from, uint64(i+1))
			b.Flush()
		}
		if err := (<-got).Settle(nil); err != nil {
			t.Error(err)
		}
		if err := (<-got).Settle(errors.New("no")); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = m.Close(ctx)
		<-m.done
		st := m.Stats()
		if len(from.done) != 4 || st.Accepted != 4 || st.Balance() != 0 {
			t.Errorf("policy %d: %v, %+v", tt.policy, from.done, st)
		}
		for i, left := range tt.done {
			if from.done[i] != left {
				t.Errorf("policy %d: left is %v for message %d", tt.policy, !left, i)
			}
		}
	}
}
