package amqp

import "sync"

// consumer keeps the connection by which subscriptions get their messages.
type consumer struct {
	t       *Transport
	mu      sync.Mutex
	session *session
	change  chan struct{} // closed when there is another session
	gone    []string      // exchanges that were, and subscriptions have not been told of
	look    chan struct{} // told of those
	said    said          // of queues that cannot be declared; the goroutine of the link uses it
}

func newConsumer(t *Transport) *consumer {
	return &consumer{t: t, change: make(chan struct{}), look: make(chan struct{}, 1)}
}

// serve is a link's: subscriptions use the connection until it is lost.
func (c *consumer) serve(s *session, up func()) error {
	if err := c.t.declareExchanges(s); err != nil {
		return err
	}
	c.t.mark(true) // they are made anew: not ready before they have been
	c.set(s)
	up()
	err := c.watch(s)
	c.set(nil)
	c.t.mark(true)
	return err
}

func (c *consumer) set(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	close(c.change)
	c.change = make(chan struct{})
}

// await waits for a session other than the one that was lost; nil if stop comes before.
func (c *consumer) await(stop <-chan struct{}) *session {
	for {
		c.mu.Lock()
		s, change := c.session, c.change
		c.mu.Unlock()
		if s != nil && s.ctx.Err() == nil {
			return s
		}
		select {
		case <-change:
		case <-stop:
			return nil
		}
	}
}

// mark says of all subscriptions that have been made that they must be made anew.
func (t *Transport) mark(missing bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.subs {
		if s.made.Load() {
			s.missing.Store(missing)
		}
	}
}
