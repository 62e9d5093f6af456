package amqp

import (
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// merging is the deliveries of several consumers of one channel, in the order in which
// they came.
type merging struct {
	out     chan amqp.Delivery // closed when all have ended
	mixed   chan amqp.Delivery
	running sync.WaitGroup
	lost    chan struct{} // closed when nobody takes any more
	ended   sync.Once
}

// merge begins to pass on what the consumers have that are added; the first delivery has
// the tag next.
func merge(next uint64) *merging {
	g := &merging{out: make(chan amqp.Delivery), lost: make(chan struct{}), mixed: make(chan amqp.Delivery)}
	go g.pass(next)
	return g
}

// add adds a consumer.
func (g *merging) add(from <-chan amqp.Delivery) {
	g.running.Go(func() {
		for d := range from {
			select {
			case g.mixed <- d:
			case <-g.lost:
				return
			}
		}
	})
}

// finish says that no more are added: when all have ended, so has what they are merged to.
func (g *merging) finish() {
	go func() {
		g.running.Wait()
		close(g.mixed)
	}()
}

// pass puts what comes into its order: all tags of the channel come.
func (g *merging) pass(next uint64) {
	defer close(g.out)
	early := map[uint64]amqp.Delivery{}
	for {
		var d amqp.Delivery
		more := false
		select {
		case d, more = <-g.mixed:
		case <-g.lost:
		}
		if !more {
			return
		}
		early[d.DeliveryTag] = d
		for ready := true; ready; {
			if d, ready = early[next]; !ready {
				break
			}
			select {
			case g.out <- d:
			case <-g.lost:
				return
			}
			delete(early, next)
			next++
		}
	}
}

// end says that nobody takes any more.
func (g *merging) end() { g.ended.Do(func() { close(g.lost) }) }
