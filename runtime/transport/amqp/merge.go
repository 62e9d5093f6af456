package amqp

import (
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// merging is the deliveries of several consumers of one channel, in the order in which
// they came.
type merging struct {
	out   chan amqp.Delivery // closed when all have ended
	lost  chan struct{}      // closed when nobody takes any more
	ended sync.Once
}

// merge passes deliveries on, until there are no more or nobody takes them. The first one
// has the tag next.
func merge(all []<-chan amqp.Delivery, next uint64) *merging {
	g := &merging{out: make(chan amqp.Delivery), lost: make(chan struct{})}
	mixed := make(chan amqp.Delivery)
	var running sync.WaitGroup
	for _, from := range all {
		running.Go(func() {
			for d := range from {
				select {
				case mixed <- d:
				case <-g.lost:
					return
				}
			}
		})
	}
	go func() {
		running.Wait()
		close(mixed)
	}()
	go g.pass(mixed, next)
	return g
}

// pass puts what comes into its order: all tags of the channel come.
func (g *merging) pass(mixed <-chan amqp.Delivery, next uint64) {
	defer close(g.out)
	early := map[uint64]amqp.Delivery{}
	for d := range mixed {
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
