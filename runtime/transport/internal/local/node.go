package local

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Config is what a Node is made with. All functions are set, unless they say otherwise.
type Config struct {
	Name string // of the transport, for messages
	// OnError is told of what nobody else can be told of, and must not block.
	OnError func(error)
	// Publish publishes a dead letter, and waits until ctx ends.
	Publish func(ctx context.Context, m *transport.Message) error
	// Answer sends a reply to where a request's ReplyTo says. It neither waits nor keeps
	// m, and may be called with locks held.
	Answer func(to string, m *transport.Message) error
	// Others is how many members a line's group has elsewhere, and PassOn hands one of them
	// a message that has failed here, or waits for a member that leaves; nil is that one
	// has it. Others is called with locks held and must not call back. Both are nil where
	// groups are within the process.
	Others func(*Line) int
	PassOn func(l *Line, m *transport.Message) error
	// Added is told of a line that has its first member, and Removed of one that gets
	// nothing more. They are called with locks held, and must not call back.
	Added, Removed func(*Line)
}

// Node has the subscriptions of one transport in one process.
type Node struct {
	cfg     Config
	numbers atomic.Uint64 // of members
	closing atomic.Bool
	running sync.WaitGroup // members

	mu     sync.Mutex
	lines  map[*Line]struct{}
	groups map[string]*Line
	names  map[string]struct{}
}

// New returns a Node without subscriptions. It has no goroutine until somebody
// subscribes.
func New(cfg Config) *Node {
	return &Node{cfg: cfg, lines: map[*Line]struct{}{}, groups: map[string]*Line{}, names: map[string]struct{}{}}
}

// Guarantees are what a transport promises by its Node, for bodies of at most maxBody bytes.
func Guarantees(maxBody int) transport.Guarantees {
	return transport.Guarantees{
		Ordered: true, Redelivers: true, OrderedKeys: true, GroupKeys: true, DeadLetters: true, Overflow: true, Bytes: true,
		Expires: true, Dedups: true, Mandatory: true, Requests: true, MaxBody: maxBody,
		Policies: []transport.GroupPolicy{transport.RoundRobin, transport.LeastLoaded, transport.Random, transport.Sticky},
	}
}

// Closing reports whether Shut has been called.
func (n *Node) Closing() bool { return n.closing.Load() }

// Shut refuses subscriptions from now on, and reports whether this is the first call.
func (n *Node) Shut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closing.CompareAndSwap(false, true)
}

// deadLetterTimeout is how long a dead letter waits for room.
const deadLetterTimeout = time.Second

// dead publishes the dead letter of a message.
func (n *Node) dead(l *Line, m *transport.Message, attempts int, cause error) {
	letter, err := transport.DeadLetter(m, l.request.Label(), attempts, cause)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), deadLetterTimeout)
		defer cancel()
		if l.request.Profile.Sensitive {
			letter.Profile = &transport.Profile{Sensitive: true}
			defer clear(letter.Body)
		}
		err = n.cfg.Publish(ctx, letter)
	}
	if err != nil {
		n.cfg.OnError(fmt.Errorf("%s: the dead letter of message %s on %s: %w", n.cfg.Name, m.ID, m.Topic, err))
	}
}
