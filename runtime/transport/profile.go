package transport

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Overflow is what happens to an event for which a queue has no room.
type Overflow uint8

// What a full queue does.
const (
	Block      Overflow = iota // the publisher waits for room
	DropOldest                 // the event that has waited longest makes room
	DropNewest                 // the event itself is dropped
	Reject                     // publishing it is ErrFull
)

// Order is what a subscription keeps in order.
type Order uint8

const (
	// OrderNone keeps the order of each publisher as long as no event is retried and
	// one event is handled at a time.
	OrderNone Order = iota
	// OrderKey keeps the events of one key in order, whatever happens: an event that
	// is retried holds back what comes after it with the same key, and nothing else.
	OrderKey
)

// Durability says whether events are to outlive the process that holds them.
type Durability uint8

const (
	Volatile        Durability = iota
	Durable                    // where the transport can
	DurableRequired            // a transport that cannot is refused
)

// Switch turns something on or off, or leaves it to the transport.
type Switch uint8

// What a switch says.
const (
	Unset Switch = iota // AMQP: on; within a process there is nothing to turn
	On
	Off
)

// Retry says how often and when a failed event is handled again. The wait before
// attempt n+1 is Initial·Multiplierⁿ⁻¹, at most Max, and then taken at random from
// the range ±Jitter around it.
type Retry struct {
	Attempts   int // in total; 1 or less is no retry
	Initial    time.Duration
	Max        time.Duration // 0 is a day
	Multiplier float64       // 0 is 2
	Jitter     float64       // of the wait, from 0 to 1
}

// Wait is the time between the nth attempt, n from 1, and the next one.
func (r Retry) Wait(n int) time.Duration {
	if r.Initial == 0 {
		return 0 // or it would be multiplied by infinity
	}
	wait, factor := float64(r.Initial), r.Multiplier
	if factor == 0 {
		factor = 2
	}
	limit := float64(r.Max)
	if limit == 0 {
		limit = float64(24 * time.Hour)
	}
	wait = min(wait*math.Pow(factor, float64(n-1)), limit)
	return time.Duration(wait * (1 + r.Jitter*(2*rand.Float64()-1)))
}

// Profile says with what guarantees, and at what cost, events are delivered. Its
// fields are the keys of a topology's profiles. The zero value is the default
// profile.
type Profile struct {
	Name string // for messages

	BatchSize      int           // events that a handler of batches gets at once; 0 is 1
	BatchTimeout   time.Duration // the longest that an event waits for a batch to fill
	Capacity       int           // events that may wait for one subscription, those being handled included; 0 is 1,000
	CapacityBytes  int64         // their encoded size; 0 is no limit
	Overflow       Overflow      // what happens when that is full
	Durable        Durability
	ManualAck      Switch        // acknowledge after the handler, not before
	Confirm        Switch        // publishing waits until the broker has stored the event
	Prefetch       int           // events that a consumer takes at once; 0 leaves it to the transport
	Retry          Retry         //
	DeadLetter     bool          // what cannot be handled is published on error.<machine>.dead
	TTL            time.Duration // after which an event that still waits is dropped; 0 is never
	Order          Order         //
	Concurrency    int           // handlers that run at once; 0 is 1
	DedupWindow    int           // ids that are remembered, to drop events that come again; 0 is none
	PublishTimeout time.Duration // the longest that a publish waits for room; 0 leaves it to ctx
	Sensitive      bool          // buffers are wiped before they are used again
}

// DefaultCapacity is the capacity of a profile that gives none.
const DefaultCapacity = 1000

// MaxAtOnce is the most that BatchSize, Prefetch and Concurrency may be: there is room for
// that many from the beginning, and AMQP counts what it sends ahead in two bytes.
const MaxAtOnce = 1<<16 - 1

// HighThroughput favours the number of events per second: large batches, a long
// queue, and under overload the latest events.
func HighThroughput() Profile {
	return Profile{Name: "high-throughput", BatchSize: 1000, BatchTimeout: 10 * time.Millisecond, Capacity: 100_000, Overflow: DropOldest}
}

// LowLatency favours the time that one event takes: no batches, and a queue that is
// short enough for a publisher to notice that it is too fast.
func LowLatency() Profile { return Profile{Name: "low-latency", BatchSize: 1, Capacity: 100} }

// Reliable favours that every event is handled: it is kept until it has been,
// retried for some 13 seconds, and dead-lettered then.
func Reliable() Profile {
	return Profile{
		Name: "reliable", BatchSize: 1, Capacity: DefaultCapacity, Durable: Durable, ManualAck: On, Confirm: On,
		Retry:      Retry{Attempts: 8, Initial: 100 * time.Millisecond, Max: 30 * time.Second, Multiplier: 2, Jitter: 0.2},
		DeadLetter: true, Order: OrderKey,
	}
}

// ErrInvalidProfile is wrapped by the error of a profile that makes no sense, or that
// a transport cannot honour.
var ErrInvalidProfile = errors.New("xsgen: invalid profile")

// Validate returns an error that names the field that makes no sense.
func (p Profile) Validate() error {
	for _, f := range []struct {
		name string
		bad  bool
		want string
	}{
		{"batch-size", p.BatchSize < 0 || p.BatchSize > MaxAtOnce, "from 0 to 65,535"},
		{"batch-timeout", p.BatchTimeout < 0, "0 or more"},
		{"batch-timeout", p.BatchTimeout > 0 && p.BatchSize < 2, "used with a batch-size of 2 or more"},
		{"batch-size", p.BatchSize > p.Room(), "at most the capacity: a batch could never fill"},
		{"capacity", p.Capacity < 0, "0 or more"},
		{"capacity-bytes", p.CapacityBytes < 0, "0 or more"},
		{"overflow", p.Overflow > Reject, "block, drop-oldest, drop-newest or error"},
		{"durable", p.Durable > DurableRequired, "false, true or required"},
		{"ack", p.ManualAck > Off, "auto or manual"},
		{"confirm", p.Confirm > Off, "true or false"},
		{"prefetch", p.Prefetch < 0 || p.Prefetch > MaxAtOnce, "from 0 to 65,535"},
		{"retry.attempts", p.Retry.Attempts < 0, "0 or more"},
		{"retry.initial", p.Retry.Initial < 0, "0 or more"},
		{"retry.max", p.Retry.Max < 0 || p.Retry.Max > 0 && p.Retry.Max < p.Retry.Initial, "0, or at least retry.initial"},
		{"retry.multiplier", p.Retry.Multiplier != 0 && !(p.Retry.Multiplier >= 1 && p.Retry.Multiplier <= 1000), "from 1 to 1000"},
		{"retry.jitter", !(p.Retry.Jitter >= 0 && p.Retry.Jitter <= 1), "from 0 to 1"},
		{"ttl", p.TTL < 0, "0 or more"},
		{"order", p.Order > OrderKey, "none or key"},
		{"concurrency", p.Concurrency < 0 || p.Concurrency > MaxAtOnce, "from 0 to 65,535"},
		{"dedup-window", p.DedupWindow < 0, "0 or more"},
		{"publish-timeout", p.PublishTimeout < 0, "0 or more"},
	} {
		if f.bad {
			return fmt.Errorf("%w: %s%s must be %s", ErrInvalidProfile, p.prefix(), f.name, f.want)
		}
	}
	return nil
}

func (p Profile) prefix() string {
	if p.Name == "" {
		return ""
	}
	return p.Name + ": "
}

// Room is the capacity, with the default filled in.
func (p Profile) Room() int {
	if p.Capacity == 0 {
		return DefaultCapacity
	}
	return p.Capacity
}

// permanent is an error that is not retried.
type permanent struct{ err error }

func (e *permanent) Error() string { return e.err.Error() }
func (e *permanent) Unwrap() error { return e.err }

// Permanent makes err one for which an event is not handled again, because that
// would fail as well: the event is dead-lettered at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// IsPermanent reports whether err, or an error that it wraps, is from Permanent.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*permanent](err)
	return ok
}
