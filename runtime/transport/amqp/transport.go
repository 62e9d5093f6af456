package amqp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Transport is a node's way to a broker. Make one with New.
type Transport struct {
	o         *options
	node      string
	epoch     string
	seq       atomic.Uint64
	exchanges [6]string // of kinds
	mandatory string    // the exchange for messages that somebody must receive
	observers string    // the one for observers' copies of those
	queues    []queue   // of others
	status    transport.Status
	published transport.KnownProfile
	requests  transport.Requests
	publisher *publisher
	consumer  *consumer

	closing   atomic.Bool
	ctx       context.Context // ends when the connections are given up
	cancel    context.CancelFunc
	links     sync.WaitGroup
	running   sync.WaitGroup // subscriptions' goroutines, but for those that consume
	consuming sync.WaitGroup
	done      chan struct{} // closed when Close has done its work
	abandoned chan struct{} // closed when Close waits no longer
	giveUp    sync.Once

	mu     sync.Mutex
	down   map[*link]error // connections that there are not, and why
	ready  bool            // has been, once
	subs   map[*subscription]struct{}
	names  map[string]struct{}
	groups map[string][]*subscription
}

var _ transport.Transport = (*Transport)(nil)

// New returns a transport to a broker, or to the servers of a cluster, whose addresses are
// separated by commas. It does not wait for a connection: see Status.
func New(urls string, opts ...Option) (*Transport, error) {
	o, err := newOptions(urls, opts)
	if err != nil {
		return nil, err
	}
	t := &Transport{
		o: o, node: o.node, epoch: transport.NewEpoch(), done: make(chan struct{}), abandoned: make(chan struct{}),
		mandatory: o.prefix + ".mandatory", observers: o.prefix + ".observers",
		down: map[*link]error{}, subs: map[*subscription]struct{}{}, names: map[string]struct{}{}, groups: map[string][]*subscription{},
	}
	if t.node == "" {
		t.node = t.epoch
	}
	for i, k := range kinds {
		t.exchanges[i] = o.prefix + "." + k.exchange
	}
	for _, q := range o.queues {
		t.queues = append(t.queues, t.queueOf(&q, false))
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.publisher, t.consumer = newPublisher(t), newConsumer(t)
	links := []*link{
		{t: t, name: "publishing", serve: t.publisher.serve, refused: t.publisher.refuse},
		{t: t, name: "consuming", serve: t.consumer.serve},
	}
	for _, l := range links {
		t.down[l] = nil
	}
	for _, l := range links {
		t.links.Go(func() { l.run(t.ctx) })
	}
	return t, nil
}

// Guarantees implements transport.Transport.
func (t *Transport) Guarantees() transport.Guarantees {
	return transport.Guarantees{
		Ordered: true, Redelivers: true, OrderedKeys: true, GroupKeys: true, DeadLetters: true, Durable: true, Confirms: true,
		Expires: true, Dedups: true, Mandatory: true, Requests: true, MaxBody: t.o.maxBody,
		Policies: []transport.GroupPolicy{transport.RoundRobin, transport.LeastLoaded, transport.Random, transport.Sticky},
	}
}

// Status implements transport.Transport. It is Ready while both connections are there and
// all subscriptions are made.
func (t *Transport) Status() *transport.Status { return &t.status }

// Check implements transport.Transport. A broker drops the oldest, or refuses what it has
// no room for; the newest it cannot drop without telling the publisher.
func (t *Transport) Check(p transport.Profile) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if p.Overflow == transport.DropNewest {
		return fmt.Errorf("%w: overflow: AMQP has no drop-newest; use error, block or drop-oldest", transport.ErrInvalidProfile)
	}
	return nil
}

// newID is an id that no other message has.
func (t *Transport) newID() string { return transport.NewID(t.epoch, t.seq.Add(1)) }

// linkUp says that a connection can be used.
func (t *Transport) linkUp(l *link) {
	t.mu.Lock()
	delete(t.down, l)
	t.mu.Unlock()
	t.refresh()
}

// linkDown says that a connection is lost, or was not to be had.
func (t *Transport) linkDown(l *link, err error) {
	t.mu.Lock()
	t.down[l] = err
	t.mu.Unlock()
	t.refresh()
}

// refresh tells the status. Who has told an old one, because another goroutine was
// quicker, tells the new one too. t.mu is not held: a watcher may close the transport.
func (t *Transport) refresh() {
	for told := false; !told; {
		state, why := t.state()
		t.status.Set(state, why)
		now, _ := t.state()
		told = now == state
	}
}

// state is Ready while both connections are there and all subscriptions are made.
func (t *Transport) state() (state transport.State, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	state = transport.Ready
	for _, err := range t.down {
		state, why = transport.Reconnecting, err
	}
	for s := range t.subs {
		if s.missing.Load() {
			state = transport.Reconnecting
		}
	}
	switch {
	case state == transport.Ready && t.publisher.blocked.Load():
		return transport.Blocked, nil
	case state == transport.Ready:
		t.ready = true
	case !t.ready:
		state = transport.Connecting
	}
	return state, why
}

// check looks at a message before anything is done with it, and returns its exchange.
func (t *Transport) check(ctx context.Context, m *transport.Message) (exchange string, err error) {
	if err := transport.CheckPublish(ctx, t, m, t.o.maxBody, &t.published); err != nil {
		return "", err
	}
	if err := transport.CheckTopic(m.Topic); err != nil {
		return "", err
	}
	return t.exchange(m.Topic)
}

// Begin implements transport.Transport. A message without an id gets one.
func (t *Transport) Begin(ctx context.Context, m *transport.Message) (transport.Pending, error) {
	if t.closing.Load() {
		return nil, transport.NotSent(m, transport.ErrClosed)
	}
	exchange, err := t.check(ctx, m)
	if err != nil {
		return nil, transport.NotSent(m, err)
	}
	if packable(m) {
		return t.publisher.pack(ctx, exchange, m)
	}
	if m.Profile != nil && m.Profile.BatchSize > 1 {
		t.publisher.packs.flushTopic(m.Topic) // what is in it came before
	}
	o, err := t.publish(ctx, exchange, m)
	switch {
	case err != nil:
		return nil, err
	case m.Profile != nil && m.Profile.Confirm == transport.Off:
		return transport.Accepted{}, nil
	}
	return o, nil
}

// publish hands a message over to the publisher. What somebody must receive goes by
// another exchange, and observers get a copy.
func (t *Transport) publish(ctx context.Context, exchange string, m *transport.Message) (*outgoing, error) {
	if !m.Mandatory {
		return t.publisher.begin(ctx, exchange, string(m.Topic), m)
	}
	o, err := t.publisher.begin(ctx, t.mandatory, string(m.Topic), m)
	if err != nil {
		return nil, err
	}
	seen := *m
	seen.Mandatory, seen.ReplyTo = false, ""
	_, _ = t.publisher.begin(ctx, t.observers, string(m.Topic), &seen) // nobody counts on it
	return o, nil
}
