//go:build linux || darwin

package unix

import "fmt"

// plain handles frames that have nothing but their kind.
func (in *inbound) plain(kind byte, payload []byte) error {
	if len(payload) > 0 {
		return fmt.Errorf("%w: kind %d has nothing in it", errMalformed, kind)
	}
	switch kind {
	case framePing:
		in.p.mu.Lock()
		defer in.p.mu.Unlock()
		return in.c.answer(framePong)
	case frameSync:
		in.p.t.synced(in.c)
	case frameBye:
		return in.p.t.leaves(in.p, in.c)
	case frameFarewell:
		in.p.mu.Lock()
		in.c.parted = true
		in.p.mu.Unlock()
		in.p.t.changed.tell()
	}
	return nil
}

// numbersOf are how many numbers frames have that have nothing else, except for acks.
var numbersOf = [frameRetired + 1]byte{
	frameSettled: 4, frameAsk: 1, frameGap: 3, frameDropped: 2, frameSubscribed: 2, frameUnsub: 1, frameUnsubscribed: 1, frameRetired: 1,
}

// numbers handles frames that have nothing but numbers.
func (in *inbound) numbers(kind byte, payload []byte) error {
	r := reader{b: payload}
	in.numbs = in.numbs[:0]
	for len(r.b) > 0 {
		in.numbs = append(in.numbs, r.number())
	}
	n := in.numbs
	want := int(numbersOf[kind])
	if r.err == nil && (kind == frameAcks && (len(n) < 3 || n[2] != uint64(len(n)-3)) || kind != frameAcks && len(n) != want) {
		r.fail("it has other numbers than it should")
	}
	if r.err != nil {
		return r.err
	}
	switch kind {
	case frameSettled, frameAcks, frameUnsub, frameRetired:
		return in.ofRemote(kind, n)
	default:
		in.ofLine(kind, n)
	}
	return nil
}

// ofRemote handles what is about a queue of the peer.
func (in *inbound) ofRemote(kind byte, n []uint64) (err error) {
	p := in.p
	if kind == frameRetired {
		p.t.moves.begin()
		defer p.t.moves.end()
	}
	p.mu.Lock()
	r := p.remotes[n[0]]
	if r == nil {
		p.mu.Unlock()
		return nil
	}
	switch kind {
	case frameSettled:
		r.progressed(n[1], n[2], n[3])
	case frameAcks:
		r.acks(n[1], n[3:])
	case frameUnsub:
		r.ended = true
		err = in.c.answer(frameUnsubscribed, r.id)
	case frameRetired:
		r.ended = true
		delete(p.remotes, r.id)
	}
	p.tell()
	p.mu.Unlock()
	if kind == frameUnsub || kind == frameRetired {
		p.t.unroute(r)
	}
	if kind == frameRetired {
		p.t.passOn(r) // what it has not settled
	}
	return err
}

// ofLine handles what is about a line of this process.
func (in *inbound) ofLine(kind byte, n []uint64) {
	p, f := in.p, in.p.flow(n[0])
	if f == nil {
		return
	}
	switch kind {
	case frameAsk:
		f.asked.Store(true)
		f.due()
	case frameGap:
		if n[1] == f.received.Load()+1 && n[2] >= n[1] && !f.keeps {
			f.missed(n[1], n[2])
		}
	case frameDropped:
		f.line.Lost(n[1])
	case frameSubscribed:
		p.mu.Lock()
		if n[1] == 0 {
			delete(p.unacked, n[0])
		} else {
			p.unacked[n[0]] = true
		}
		p.mu.Unlock()
		p.t.changed.tell()
	case frameUnsubscribed:
		p.mu.Lock()
		p.setFlow(n[0], nil)
		delete(p.withdrawn, n[0])
		p.mu.Unlock()
		p.t.changed.tell()
	}
}
