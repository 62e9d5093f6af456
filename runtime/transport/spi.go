package transport

import (
	"context"
	"fmt"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Transport carries messages between the nodes of a program. All methods may be
// called from any goroutine, receivers included.
type Transport interface {
	// Begin hands m over. What one goroutine begins is delivered in that order, as
	// far as the guarantees say. It waits while the transport can take nothing:
	// where a queue is full and its policy is Block, while there is no connection or
	// the other side is blocked, and while as many messages are unconfirmed as may
	// be. It ends with ctx and with the message's publish-timeout. m, its headers and
	// its body are the caller's again when Begin has returned. An error is a
	// *PublishError; then there is no Pending.
	Begin(ctx context.Context, m *Message) (Pending, error)

	// Request is Begin for a message that wants an answer, and waits for it until
	// ctx ends. It fills in m's ReplyTo and, if
	// it is empty, Correlation, on a copy. The first answer counts. Errors:
	// ErrNoListener, ErrTimeout beside ctx's own if its deadline has passed,
	// ErrNoReply if there was none or the request was dropped, a *ReplyError with the receiver's error, or a *PublishError. The
	// reply is the caller's.
	Request(ctx context.Context, m *Message) (*Message, error)

	// Subscribe returns once the other side knows of the subscription: what is begun
	// after that anywhere is delivered. ctx bounds that, not the subscription's life.
	Subscribe(ctx context.Context, r SubscribeRequest) (Subscription, error)

	// Check returns an error that wraps ErrInvalidProfile for a profile that cannot be
	// honoured. Subscribe and Begin refuse what it refuses.
	Check(p Profile) error

	// Guarantees are what the transport promises; they do not change.
	Guarantees() Guarantees

	// Status tells of the connection.
	Status() *Status

	// Close drains: Begin is ErrClosed from then on, subscriptions take what is on
	// its way to them and finish it, confirmations are awaited. If ctx ends before, the
	// rest is given up and counted in a *DrainError; what was unconfirmed is
	// OutcomeUnknown. It may be called again. From within a receiver it does not
	// wait; see InReceiver.
	Close(ctx context.Context) error
}

// Pending is a message that was begun. It is safe for concurrent use.
type Pending interface {
	// Wait returns nil once the message is where the profile wants it: at every queue
	// that matches, and with Confirm stored there; or dropped by a policy, and
	// counted. Otherwise it returns a *PublishError. If ctx ends before, that is one
	// of OutcomeUnknown, and Wait may be called again.
	Wait(ctx context.Context) error
}

// Accepted is the Pending of a message whose outcome was known when it was begun.
type Accepted struct{}

// Wait returns nil.
func (Accepted) Wait(context.Context) error { return nil }

// Publish begins a message and waits for its outcome.
func Publish(ctx context.Context, t Transport, m *Message) error {
	p, err := t.Begin(ctx, m)
	if err != nil {
		return err
	}
	return p.Wait(ctx)
}

// SubscribeRequest says what somebody wants to hear, and how.
type SubscribeRequest struct {
	// Name names the queue, and is unique among a node's subscriptions. A durable
	// subscription needs one, to find its queue again after the node has started anew;
	// others may go without, and what they have not handled when they end is lost.
	Name     string
	Patterns []topic.Pattern // at least one; a message that several match comes once
	// Group makes the subscription a member: exactly one member gets each message.
	// All members must have equal patterns, policies and profiles, and filters that
	// agree. What a member has not handled when it leaves goes to the others; the last
	// one that leaves drains what is not durable. What a member has failed for goes to
	// another one, after the wait that the profile's Retry says, until each has tried,
	// even if the profile has no retries, and further attempts are as the profile says;
	// a member that has failed for it gets it only if no other one has room. With Sticky
	// or OrderKey it may stay where it is.
	Group  string
	Policy GroupPolicy // of the group
	// Observer makes it get copies: it does not count as a receiver, and cannot
	// answer requests.
	Observer bool
	// Where, if it is set, is asked for each message before anything is decoded, and
	// where possible before it is queued; if it returns false the message is counted
	// as filtered. It may be called from several goroutines at once and must neither
	// keep nor change the message. If it panics, the message is dead-lettered.
	Where   func(*Message) bool
	Profile Profile
	Receive Receiver
	// Reuse says that nobody touches a delivery once it was settled and Receive has returned,
	// not even to settle it again or to read it: then the transport may use it for another
	// message, and need not allocate one for each. A receiver of Serve or ServeBatch
	// whose handler neither settles deliveries nor keeps them is such a one.
	Reuse bool
	// OnGap, if it is set, is told of messages that were lost on the way, by a
	// transport that can lose some and says in its Guarantees that it notices; and by
	// any one whose queue was deleted behind its back and had to be made anew.
	OnGap func(Gap)
}

// Check returns an error for a request that makes no sense on any transport; of the
// profile see Transport.Check.
func (r *SubscribeRequest) Check() error {
	switch {
	case r.Receive == nil:
		return fmt.Errorf("%w: it has no receiver", ErrInvalidRequest)
	case len(r.Patterns) == 0:
		return fmt.Errorf("%w: it has no pattern", ErrInvalidRequest)
	case r.Policy > Sticky:
		return fmt.Errorf("%w: there is no policy %d", ErrInvalidRequest, r.Policy)
	case r.Group != "" && r.Observer:
		return fmt.Errorf("%w: a member of a group is no observer", ErrInvalidRequest)
	case r.Name == "" && r.Group == "" && r.Profile.Durable == DurableRequired:
		return fmt.Errorf("%w: what is durable needs a name", ErrInvalidRequest)
	}
	for _, p := range r.Patterns {
		if _, err := topic.ParsePattern(string(p)); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalidRequest, err)
		}
	}
	return nil
}

// Gap is a number of messages of one publisher that did not arrive. Without a Source it
// says that messages may have been lost, and not whose and how many.
type Gap struct {
	Source, Epoch string
	Topic         topic.Name // of the message after the gap
	First, Last   uint64     // sequence numbers that are missing
}

// GroupPolicy says which member of a group gets a message. A member that has as many
// unsettled as it may have gets none, whatever the policy says; with Sticky the
// message waits for it.
type GroupPolicy uint8

// The policies of groups.
const (
	RoundRobin  GroupPolicy = iota // in turn
	LeastLoaded                    // with the fewest unsettled
	Random
	Sticky // the same for a key, as long as it is there; the order is that of each key
)

// Subscription is a receiver's place on a transport.
type Subscription interface {
	// Close ends it: nothing new is taken, what is queued and unsettled is finished,
	// and once Close has returned the receiver is not called any more. Of a durable
	// subscription only what the receiver has is finished: what is queued stays there,
	// for the next subscription of its name, and is not Left. If ctx ends
	// before, the rest is given up, or, in a group, goes to other members: then it
	// returns a *DrainError, and settling what is left is ErrStale. It may be called
	// again. From within a receiver it does not wait; see InReceiver.
	Close(ctx context.Context) error
	// Stats are the counts at this moment.
	Stats() Stats
}

// Stats count what has become of a subscription's messages. Where its queue is
// elsewhere, at a broker, they count what has come from there, and what it says that
// it has dropped. All that was accepted is somewhere:
//
//	Accepted = Handled + Dead + Dropped + Expired + Duplicate + Waiting + InFlight + Left
//
// That holds for each member of a group, and the sum over its members is the
// group's: what no member has touched counts for the one that has been there for
// the longest.
type Stats struct {
	Filtered  uint64 // not wanted by the filter
	Accepted  uint64 // queued, or dropped by the policy
	Handled   uint64 // settled with nil
	Failed    uint64 // settled with an error
	Retried   uint64 // of those, to be delivered again
	Dead      uint64 // given up, after the last attempt or a permanent error
	Dropped   uint64 // by the overflow policy
	Expired   uint64 // had waited for longer than a TTL
	Duplicate uint64 // had an id that was known
	Left      uint64 // not handled when Close stopped waiting
	Gaps      uint64 // messages that are known to be lost on the way; never accepted

	Waiting  int   // in the queue
	InFlight int   // delivered and not settled, waiting to be delivered again, or behind such a message
	Bytes    int64 // bodies of those that wait or are in flight, if the profile limits them

	Oldest time.Duration // that a message in the queue has been there; 0 if that is not known
}

// Add adds the counts of another subscription.
func (s *Stats) Add(o Stats) {
	s.Filtered += o.Filtered
	s.Accepted += o.Accepted
	s.Handled += o.Handled
	s.Failed += o.Failed
	s.Retried += o.Retried
	s.Dead += o.Dead
	s.Dropped += o.Dropped
	s.Expired += o.Expired
	s.Duplicate += o.Duplicate
	s.Left += o.Left
	s.Gaps += o.Gaps
	s.Waiting += o.Waiting
	s.InFlight += o.InFlight
	s.Bytes += o.Bytes
	s.Oldest = max(s.Oldest, o.Oldest)
}

// Balance is Accepted less all that has become of it: 0, unless something was lost
// or counted twice.
func (s Stats) Balance() int64 {
	rest := s.Accepted - s.Handled - s.Dead - s.Dropped - s.Expired - s.Duplicate - s.Left
	return int64(rest) - int64(s.Waiting) - int64(s.InFlight)
}

// Guarantees are what a transport promises beyond what every transport must: the
// conformance suite holds it to them.
type Guarantees struct {
	Ordered     bool          // one publisher's messages reach a subscription in order, if none is retried
	Redelivers  bool          // what fails is delivered again, by the profile
	OrderedKeys bool          // honours OrderKey
	GroupKeys   bool          // in groups as well; otherwise Subscribe refuses it there
	DeadLetters bool          // honours DeadLetter
	Durable     bool          // honours DurableRequired
	Confirms    bool          // nil from Wait, unless Confirm is off, means stored where it outlives this process
	Overflow    bool          // each subscription's overflow policy holds, exactly
	Bytes       bool          // so does CapacityBytes
	Expires     bool          // honours TTL
	Dedups      bool          // honours DedupWindow
	Mandatory   bool          // says ErrUnroutable
	Requests    bool          // carries requests, and says ErrNoListener
	Policies    []GroupPolicy // that groups may have; none without groups
	Gaps        bool          // tells of lost messages
	MaxBody     int           // bytes; more is ErrTooLarge
}
