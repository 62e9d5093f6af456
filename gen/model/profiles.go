package model

import (
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/spec"
)

// ProfileKeys are the keys of profiles, in the order of the documents. Those of
// `retry` are one.
var ProfileKeys = []string{
	"batch-size", "batch-timeout", "capacity", "capacity-bytes", "overflow", "durable", "ack", "confirm", "prefetch", "retry",
	"dead-letter", "ttl", "order", "concurrency", "dedup-window", "publish-timeout", "sensitive",
}

// Rows of tables about profiles that are values of keys of which some transports refuse
// just these.
const (
	DurableRequired    = "durable: required"
	OverflowDropNewest = "overflow: drop-newest"
)

// Rows are what transports answer to: ProfileKeys and, each behind its key, the values
// that are rows of their own.
func Rows() []string {
	var out []string
	for _, k := range ProfileKeys {
		out = append(out, k)
		for _, row := range [...]string{DurableRequired, OverflowDropNewest} {
			if strings.HasPrefix(row, k+": ") {
				out = append(out, row)
			}
		}
	}
	return out
}

// Delivery is the values of a profile. Names, numbers and zero values are those of
// the runtime's transport.Profile, which a test compares.
type Delivery struct {
	BatchSize      int
	BatchTimeout   time.Duration
	Capacity       int
	CapacityBytes  int64
	Overflow       Overflow
	Durable        Durability
	ManualAck      Switch
	Confirm        Switch
	Prefetch       int
	Retry          Retry
	DeadLetter     bool
	TTL            time.Duration
	Order          Order
	Concurrency    int
	DedupWindow    int
	PublishTimeout time.Duration
	Sensitive      bool
}

// Overflow is what a full queue does.
type Overflow uint8

// What a full queue does.
const (
	Block Overflow = iota
	DropOldest
	DropNewest
	Reject
)

// Durability says whether events are to outlive their process.
type Durability uint8

// The values of `durable`.
const (
	Volatile Durability = iota
	Durable
	RequireDurable
)

// Switch turns something on or off, or leaves it to the transport.
type Switch uint8

// What a switch says.
const (
	Unset Switch = iota
	On
	Off
)

// Order is what a subscription keeps in order.
type Order uint8

// The values of `order`.
const (
	OrderNone Order = iota
	OrderKey
)

// Retry says how often and when a failed event is handled again.
type Retry struct {
	Attempts   int
	Initial    time.Duration
	Max        time.Duration
	Multiplier float64
	Jitter     float64
}

// Profile is a set of values for delivery, resolved over its base.
type Profile struct {
	Name  spec.Scalar     // its place is not valid for a built-in one
	Base  *Profile        // nil for a built-in one
	Given map[string]bool // the keys that it or its base gives, with retry as one
	Delivery
}

// BuiltIn reports whether no topology declares the profile.
func (p *Profile) BuiltIn() bool { return !p.Name.IsSet() }

// BuiltInProfiles are the profiles that need no declaration; the first is the one of
// links that name none.
var BuiltInProfiles = []*Profile{
	builtIn("default", Delivery{}),
	builtIn("high-throughput", Delivery{BatchSize: 1000, BatchTimeout: 10 * time.Millisecond, Capacity: 100_000, Overflow: DropOldest},
		"batch-size", "batch-timeout", "capacity", "overflow"),
	builtIn("low-latency", Delivery{BatchSize: 1, Capacity: 100}, "batch-size", "batch-timeout", "capacity", "overflow"),
	builtIn("reliable", Delivery{
		BatchSize: 1, Capacity: 1000, Durable: Durable, ManualAck: On, Confirm: On,
		Retry:      Retry{Attempts: 8, Initial: 100 * time.Millisecond, Max: 30 * time.Second, Multiplier: 2, Jitter: 0.2},
		DeadLetter: true, Order: OrderKey,
	}, "batch-size", "capacity", "overflow", "durable", "ack", "confirm", "retry", "dead-letter", "order"),
}

func builtIn(name string, d Delivery, given ...string) *Profile {
	p := &Profile{Name: spec.Scalar{Value: name}, Given: map[string]bool{}, Delivery: d}
	for _, k := range given {
		p.Given[k] = true
	}
	return p
}

// room is the capacity, with the default filled in.
func (d *Delivery) room() int {
	if d.Capacity == 0 {
		return 1000
	}
	return d.Capacity
}

// maxAtOnce is transport.MaxAtOnce.
const (
	maxAtOnce = 1<<16 - 1
	atOnce    = "from 0 to 65,535"
)

// problem finds values that make no sense together: the key, and what it must be.
func (d *Delivery) problem() (key, want string) {
	switch r := d.Retry; {
	case d.BatchSize > maxAtOnce:
		return "batch-size", atOnce
	case d.Prefetch > maxAtOnce:
		return "prefetch", atOnce
	case d.Concurrency > maxAtOnce:
		return "concurrency", atOnce
	case d.BatchTimeout > 0 && d.BatchSize < 2:
		return "batch-timeout", "used with a batch-size of 2 or more"
	case d.BatchSize > d.room():
		return "batch-size", "at most the capacity: a batch could never fill"
	case r.Max > 0 && r.Max < r.Initial:
		return "retry.max", "0, or at least retry.initial"
	case r.Multiplier != 0 && (r.Multiplier < 1 || r.Multiplier > 1000):
		return "retry.multiplier", "from 1 to 1000"
	case r.Jitter > 1:
		return "retry.jitter", "from 0 to 1"
	}
	return "", ""
}
