package unix

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// offer is what a process tells others of one of its queues.
type offer struct {
	id       uint64 // among those of the process; never used again
	flags    byte
	overflow transport.Overflow
	policy   transport.GroupPolicy
	members  uint64
	capacity uint64
	bytes    uint64        // 0 is no limit
	patience time.Duration // of a publisher that waits; 0 is for ever
	digest   uint64        // of all in which members of a group must agree
	name     string
	group    string
	patterns []topic.Pattern

	progress
}

// progress is how far a queue has come with the messages of one publishing process.
type progress struct {
	received  uint64 // messages
	settled   uint64 // of those; where they are kept, all but open
	freed     uint64 // bytes of those that are settled
	openBytes uint64
	open      []uint64 // numbers of what is not settled, where messages are kept
}

// Flags of an offer.
const (
	offerObserves byte = 1 << iota
	offerKeeps         // the publisher keeps what is not settled
	offerKeyed         // messages of one key are kept in order
	offerSecret        // buffers with its messages are wiped
	allOffers
)

const maxPatterns = 4096

// offerOf is the offer of a subscription, or a line of as many.
func offerOf(id uint64, r *transport.SubscribeRequest, members int) offer {
	p := &r.Profile
	o := offer{
		id: id, overflow: p.Overflow, policy: r.Policy, members: uint64(max(members, 1)), capacity: uint64(p.Room()),
		bytes: uint64(p.CapacityBytes), patience: p.PublishTimeout, digest: digest(r), name: r.Name, group: r.Group,
		patterns: r.Patterns,
	}
	if r.Group != "" {
		o.name = ""
	}
	for _, f := range []struct {
		bit byte
		has bool
	}{{offerObserves, r.Observer}, {offerKeeps, p.ManualAck == transport.On}, {offerKeyed, p.Order == transport.OrderKey}, {offerSecret, p.Sensitive}} {
		if f.has {
			o.flags |= f.bit
		}
	}
	return o
}

// digest is a number that members of a group have in common.
func digest(r *transport.SubscribeRequest) uint64 {
	h := fnv.New64a()
	var b []byte
	for _, p := range r.Patterns {
		b = appendText(b, p)
	}
	p := &r.Profile
	for _, n := range []int64{
		int64(r.Policy), int64(p.BatchSize), int64(p.BatchTimeout), int64(p.Capacity), p.CapacityBytes, int64(p.Overflow),
		int64(p.Durable), int64(p.ManualAck), int64(p.Confirm), int64(p.Prefetch), int64(p.Retry.Attempts),
		int64(p.Retry.Initial), int64(p.Retry.Max), int64(1e6 * p.Retry.Multiplier), int64(1e6 * p.Retry.Jitter),
		int64(p.TTL), int64(p.Order), int64(p.Concurrency), int64(p.DedupWindow), int64(p.PublishTimeout),
	} {
		b = binary.AppendVarint(b, n)
	}
	for _, is := range []bool{r.Where == nil, p.DeadLetter, p.Sensitive} {
		b = append(b, map[bool]byte{true: 1}[is])
	}
	_, _ = h.Write(b)
	return h.Sum64()
}

// append appends the frame of an offer.
func (o *offer) append(b []byte) []byte {
	b, at := begin(b, frameSub)
	b = binary.AppendUvarint(b, o.id)
	b = append(b, o.flags, byte(o.overflow), byte(o.policy))
	for _, n := range [...]uint64{o.members, o.capacity, o.bytes, uint64(o.patience), o.digest, o.received, o.settled, o.freed, o.openBytes} {
		b = binary.AppendUvarint(b, n)
	}
	b = appendText(appendText(b, o.name), o.group)
	b = binary.AppendUvarint(b, uint64(len(o.open)))
	for _, n := range o.open {
		b = binary.AppendUvarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(o.patterns)))
	for _, p := range o.patterns {
		b = appendText(b, p)
	}
	return end(b, at)
}

// readOffer reads an offer.
func readOffer(payload []byte) (o offer, err error) {
	r := reader{b: payload}
	o.id, o.flags = r.number(), r.byte()
	o.overflow, o.policy = transport.Overflow(r.byte()), transport.GroupPolicy(r.byte())
	o.members, o.capacity, o.bytes = r.below(1<<32), r.below(1<<62), r.below(1<<62)
	o.patience, o.digest = time.Duration(r.below(1<<62)), r.number()
	o.received, o.settled, o.freed, o.openBytes = r.number(), r.number(), r.number(), r.number()
	o.name, o.group = r.text(), r.text()
	for range r.count() {
		o.open = append(o.open, r.number())
	}
	for range r.below(maxPatterns) {
		p, err := topic.ParsePattern(r.text())
		if err != nil {
			r.fail(err.Error())
			break
		}
		o.patterns = append(o.patterns, p)
	}
	if o.flags >= allOffers || o.overflow > transport.Reject || o.policy > transport.Sticky || o.members == 0 || o.capacity == 0 || len(o.patterns) == 0 {
		r.fail("an offer makes no sense")
	}
	return o, r.finish()
}

func (o *offer) is(flag byte) bool { return o.flags&flag != 0 }
