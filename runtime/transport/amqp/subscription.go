package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/internal/again"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/fifo"
)

// subscription is a queue's consumer, or one of a group's. What has come is in one place
// until it is settled: in inbox, behind another one of its key, in later, or with the
// receiver.
type subscription struct {
	t       *Transport
	request transport.SubscribeRequest
	q       queue
	id      string // of the member, unique
	room    int    // deliveries that may be unsettled
	ctx     context.Context
	cancel  context.CancelFunc
	first   chan error    // what making it for the first time has led to
	done    chan struct{} // closed when it has ended
	leaving chan struct{} // closed when Close has been called
	lost    chan struct{} // closed when what is left was given up
	settled chan struct{} // told when something was settled
	check   chan struct{} // told when the queue's bindings may be gone
	made    atomic.Bool   // the broker knows of it, or did
	missing atomic.Bool   // the broker must be told of it anew
	leave   sync.Once
	forsake sync.Once
	gapped  bool // a queue was deleted under it; the goroutine of its channel uses it

	mu       sync.Mutex
	wake     *sync.Cond // for the goroutine that calls the receiver
	at       *attachment
	inbox    fifo.List[*item]             // not handed over yet
	held     map[string]*fifo.List[*item] // by key, what comes after one that is unsettled, if keys are kept in order
	behind   int                          // how many that are
	later    again.Later[*item]           // failed, to be handed over again, if keys are kept in order
	timer    *time.Timer                  // of later
	handed   int                          // with the receiver, or being settled
	loose    int                          // of those, that were acknowledged before
	ids      map[string]struct{}          // of what is here, if ids are remembered
	seen     *again.Window                // ids of what was settled
	bounced  *again.Window                // what was given back to the group
	away     map[string]time.Time         // failed, at the broker until then
	vanished []string                     // exchanges that were gone
	retries  map[int]time.Time            // queues for retries, by step, and when they were declared
	denied   said                         // why failed events are not kept at the broker
	looked   time.Time                    // when the group's members were last counted, by its channel's goroutine
	others   bool                         // whether there were any
	over     bool
	stats    transport.Stats
	gaveUp   int
}

// attachment is a subscription's channel, from when it consumes until it is lost. What
// came by it is settled by it, or not at all.
type attachment struct {
	s          *session
	ch         *amqp.Channel
	closed     chan *amqp.Error
	deliveries <-chan amqp.Delivery // nil when it was cancelled
	last       uint64               // the highest tag that has come
	deadCh     *amqp.Channel
	dead       <-chan amqp.Delivery // what the broker has dropped
	cancelled  chan string          // consumers whose queue was deleted
	consuming  bool
	tags       []string // of consumers
	share      *share   // of a sticky group
	merging    *merging // of their deliveries, if there are several
	acks       acker
	timer      *time.Timer // of acks
}

// item is an event that has come.
type item struct {
	transport.Message
	p        *parcel
	attempts int // deliveries that have failed
	failed   []string
	expires  time.Time // zero is never
	holds    bool      // others of its key wait for it
	loose    bool      // it was acknowledged before it was handed over
	refusals int       // in a row, by the broker, of what its failures led to
}

// parcel is a message of the broker's, with one event or several.
type parcel struct {
	at   *attachment
	tag  uint64
	left int  // events that are not settled
	told bool // the broker need not be told
}

func (t *Transport) newSubscription(r transport.SubscribeRequest) *subscription {
	r.Patterns = slices.Clone(r.Patterns)
	s := &subscription{
		t: t, request: r, id: t.newID(), room: r.Profile.Unsettled(), first: make(chan error, 1), done: make(chan struct{}),
		leaving: make(chan struct{}), lost: make(chan struct{}), settled: make(chan struct{}, 1), check: make(chan struct{}, 1),
		away: map[string]time.Time{}, retries: map[int]time.Time{}, bounced: again.NewWindow(256),
	}
	name := r.Name
	if name == "" {
		name = s.id
		if r.Group == "" {
			r.Profile.Durable = transport.Volatile // nobody would find it again
		}
	}
	s.q = t.queueOf(&transport.Queue{Node: t.node, Name: name, Group: r.Group, Policy: r.Policy, Patterns: r.Patterns, Profile: r.Profile}, r.Observer)
	s.wake = sync.NewCond(&s.mu)
	s.ctx, s.cancel = context.WithCancel(transport.ReceiverContext(context.Background()))
	if r.Profile.Order == transport.OrderKey {
		s.held = map[string]*fifo.List[*item]{}
	}
	if r.Profile.DedupWindow > 0 {
		s.ids, s.seen = map[string]struct{}{}, again.NewWindow(r.Profile.DedupWindow)
	}
	return s
}

// Subscribe implements transport.Transport. It waits for a connection.
func (t *Transport) Subscribe(ctx context.Context, r transport.SubscribeRequest) (transport.Subscription, error) {
	if err := transport.CheckSubscribe(ctx, t, &r); err != nil {
		return nil, err
	}
	s := t.newSubscription(r)
	if err := t.register(s); err != nil {
		return nil, err
	}
	t.consuming.Go(s.run)
	t.running.Go(s.receive)
	select {
	case err := <-s.first:
		if err == nil {
			return s, nil
		}
		s.abandon()
		return nil, s.refused(err)
	case <-ctx.Done():
		s.abandon()
		return nil, transport.TimeoutError(ctx.Err())
	}
}

// refused says why the broker does not know of the subscription.
func (s *subscription) refused(err error) error {
	e, ok := errors.AsType[*amqp.Error](err)
	if ok && e.Code == amqp.PreconditionFailed && s.request.Group != "" {
		return fmt.Errorf("%w: group %q: %w", transport.ErrGroupMismatch, s.request.Group, err)
	}
	return err
}

// register notes a subscription, unless its name is taken or its group wants something
// else.
func (t *Transport) register(s *subscription) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &s.request
	if t.closing.Load() {
		return transport.ErrClosed
	}
	if _, taken := t.names[r.Name]; taken && r.Name != "" {
		return fmt.Errorf("%w: %q", transport.ErrNameTaken, r.Name)
	}
	if r.Group != "" {
		for _, m := range t.groups[r.Group] {
			if !m.request.Agrees(r) {
				return fmt.Errorf("%w: group %q", transport.ErrGroupMismatch, r.Group)
			}
			s.seen = m.seen // they know ids together
		}
		if t.o.passive && s.sticky() && len(t.groups[r.Group]) > 0 {
			return fmt.Errorf("%w: a passive node has one member of the sticky group %q", transport.ErrNameTaken, r.Group)
		}
		t.groups[r.Group] = append(t.groups[r.Group], s)
	}
	t.names[r.Name] = struct{}{}
	t.subs[s] = struct{}{}
	return nil
}

// forget forgets a subscription that has ended.
func (t *Transport) forget(s *subscription) {
	t.mu.Lock()
	delete(t.subs, s)
	delete(t.names, s.request.Name)
	if g := s.request.Group; g != "" {
		t.groups[g] = slices.DeleteFunc(t.groups[g], func(m *subscription) bool { return m == s })
	}
	t.mu.Unlock()
	t.refresh()
}

// Stats implements transport.Subscription. What waits at the broker is not counted.
func (s *subscription) Stats() transport.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Waiting, st.InFlight = s.inbox.Len(), s.handed+s.behind+s.later.Len()
	return st
}
