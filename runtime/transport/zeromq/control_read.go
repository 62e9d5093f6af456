package zeromq

import (
	"fmt"
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// readHello reads a hello. Its errors wrap transport.ErrDecode.
func readHello(b []byte) (h hello, err error) {
	r := codec.NewReader(b)
	for fs := r.Struct(); fs.Next(&r); {
		switch string(fs.Key) {
		case "version":
			fs.Note(&r)
			h.version = r.Uint(64)
		case "node":
			fs.Note(&r)
			h.node = r.String()
		case "epoch":
			fs.Note(&r)
			h.epoch = r.String()
		case "address":
			fs.Note(&r)
			h.address = r.String()
		case "of":
			fs.Note(&r)
			h.of = r.String()
		case "taken":
			fs.Note(&r)
			h.taken = r.Uint(64)
		case "outstanding":
			fs.Note(&r)
			es := r.Array()
			h.outstanding = readDone(&r, &es)
		case "queues":
			fs.Note(&r)
			es := r.Array()
			for h.queues = codec.Make[announcement](&r, es); es.Next(&r); {
				h.queues = append(h.queues, readFields(&r))
			}
		default:
			fs.Skip(&r)
		}
	}
	if err := decodeError(r.Finish(), "hello"); err != nil {
		return h, err
	}
	return h, h.check()
}

// check looks at what a peer says of itself.
func (h *hello) check() error {
	if h.version != version {
		return fmt.Errorf("%w: hello of version %d, this is %d", transport.ErrDecode, h.version, version)
	}
	for _, s := range []string{h.node, h.epoch, h.address, h.of} {
		if len(s) > transport.MaxText {
			return fmt.Errorf("%w: hello has a text of %d bytes", transport.ErrDecode, len(s))
		}
	}
	if h.node == "" || h.epoch == "" {
		return fmt.Errorf("%w: hello without node and epoch", transport.ErrDecode)
	}
	for i := range h.queues {
		if err := h.queues[i].check(); err != nil {
			return err
		}
	}
	return nil
}

// readAnnouncement reads one queue. Its errors wrap transport.ErrDecode.
func readAnnouncement(b []byte) (announcement, error) {
	r := codec.NewReader(b)
	a := readFields(&r)
	if err := decodeError(r.Finish(), "subscribe"); err != nil {
		return a, err
	}
	return a, a.check()
}

func readFields(r *codec.Reader) (a announcement) {
	for fs := r.Struct(); fs.Next(r); {
		switch string(fs.Key) {
		case "id":
			fs.Note(r)
			a.id = r.Uint(64)
		case "name":
			fs.Note(r)
			a.name = r.String()
		case "group":
			fs.Note(r)
			a.group = r.String()
		case "patterns":
			fs.Note(r)
			es := r.Array()
			for a.patterns = codec.Make[topic.Pattern](r, es); es.Next(r); {
				a.patterns = append(a.patterns, topic.Pattern(r.String()))
			}
		case "members":
			fs.Note(r)
			a.members = r.Uint(32)
		case "observer":
			fs.Note(r)
			a.observer = r.Bool()
		case "policy":
			fs.Note(r)
			a.policy = transport.GroupPolicy(r.Uint(8))
		case "overflow":
			fs.Note(r)
			a.overflow = transport.Overflow(r.Uint(8))
		case "keep":
			fs.Note(r)
			a.keep = r.Bool()
		case "capacity":
			fs.Note(r)
			a.capacity = r.Uint(32)
		case "bytes":
			fs.Note(r)
			a.bytes = r.Uint(62)
		case "timeout":
			fs.Note(r)
			a.timeout = time.Duration(r.Uint(62))
		case "sensitive":
			fs.Note(r)
			a.wipe = r.Bool()
		default:
			fs.Skip(r)
		}
	}
	return a
}

// check fills in what may be left out, and looks at the rest.
func (a *announcement) check() error {
	if a.capacity == 0 {
		a.capacity = transport.DefaultCapacity
	}
	a.members = max(a.members, 1)
	if len(a.patterns) == 0 || a.policy > transport.Sticky || a.overflow > transport.Reject {
		return fmt.Errorf("%w: queue %d has no pattern, or an unknown policy", transport.ErrDecode, a.id)
	}
	for _, p := range a.patterns {
		if _, err := topic.ParsePattern(string(p)); err != nil {
			return fmt.Errorf("%w: queue %d: %w", transport.ErrDecode, a.id, err)
		}
	}
	return nil
}

// readWelcome reads a welcome. Its errors wrap transport.ErrDecode.
func readWelcome(b []byte) (w welcome, err error) {
	r := codec.NewReader(b)
	for fs := r.Struct(); fs.Next(&r); {
		switch string(fs.Key) {
		case "version":
			fs.Note(&r)
			w.version = r.Uint(64)
		case "node":
			fs.Note(&r)
			w.node = r.String()
		case "epoch":
			fs.Note(&r)
			w.epoch = r.String()
		case "next":
			fs.Note(&r)
			w.next = r.Uint(64)
		case "resumed":
			fs.Note(&r)
			w.resumed = r.Bool()
		default:
			fs.Skip(&r)
		}
	}
	if err := decodeError(r.Finish(), "welcome"); err != nil {
		return w, err
	}
	if w.version != version || w.node == "" || w.epoch == "" || len(w.node)+len(w.epoch) > transport.MaxText {
		return w, fmt.Errorf("%w: welcome of version %d from %.40q", transport.ErrDecode, w.version, w.node)
	}
	return w, nil
}

// readAcks reads acks into a, whose list is used again.
func readAcks(b []byte, a *acks) error {
	r := codec.NewReader(b)
	es := r.Array()
	a.taken, a.done = 0, a.done[:0]
	if es.Next(&r) {
		a.taken = r.Uint(64)
		a.done = readDoneTo(&r, &es, a.done)
	}
	return decodeError(r.Finish(), "ack")
}

func readDone(r *codec.Reader, es *codec.Elements) []done { return readDoneTo(r, es, nil) }

// readDoneTo reads as many as are left of an array, four numbers each.
func readDoneTo(r *codec.Reader, es *codec.Elements, list []done) []done {
	for es.Next(r) {
		d := done{queue: r.Uint(64)}
		for _, at := range [...]*uint64{&d.from, &d.to} {
			if !es.Next(r) {
				return list
			}
			*at = r.Uint(64)
		}
		if !es.Next(r) {
			return list
		}
		if d.left = r.Uint(1) == 1; d.from <= d.to {
			list = append(list, d)
		}
	}
	return list
}

func decodeError(err error, what string) error {
	if err != nil {
		return fmt.Errorf("%w: %s: %w", transport.ErrDecode, what, err)
	}
	return nil
}

// readNumbers reads an array of so many numbers.
func readNumbers(b []byte, n int) ([]uint64, error) {
	r := codec.NewReader(b)
	list := make([]uint64, 0, n)
	for es := r.Array(); es.Next(&r); {
		list = append(list, r.Uint(64))
	}
	err := r.Finish()
	if err == nil && len(list) != n {
		err = fmt.Errorf("%d numbers", len(list))
	}
	return list, decodeError(err, "a list of numbers")
}

func decodeErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", transport.ErrDecode, fmt.Sprintf(format, args...))
}
