package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// encoder is what generated events are.
type encoder interface {
	AppendMsgpack(b []byte) ([]byte, error)
}

// sizer is a type that knows the size of its encoded form.
type sizer interface{ Size() int }

// errNoSize is wrapped by what is returned for a value whose bytes cannot be counted.
var errNoSize = errors.New("bus: a limit in bytes needs events with a method AppendMsgpack or Size")

// sizeOf is the size of a value's encoded form.
func sizeOf(v any) (int64, error) {
	switch v := v.(type) {
	case sizer:
		return int64(v.Size()), nil
	case encoder:
		var scratch [512]byte
		b, err := v.AppendMsgpack(scratch[:0])
		return int64(len(b)), err
	}
	return 0, fmt.Errorf("%w: %T has neither", errNoSize, v)
}

// deadLetterTimeout is how long a subscription waits for room for a dead letter.
const deadLetterTimeout = time.Second

// dead gives an event up: if the profile asks for it, it is published as a
// transport.Failure of the kind dead.
func (s *Subscription) dead(ctx context.Context, i *job, cause error) {
	if !s.options.profile.DeadLetter {
		return
	}
	f, err := transport.Dead(i.Topic(), i.key, original(i.value), i.attempts, cause)
	if err == nil {
		err = s.bus.PublishFailure(ctx, i.ID()+"/"+f.Kind+"/"+string(s.pattern), f)
	}
	if err != nil {
		s.bus.onError(s, fmt.Errorf("bus: the dead letter of event %s on %s: %w", i.ID(), i.Topic(), err))
	}
}

// original is the payload of an event; nil for one that has none.
func original(v any) []byte {
	e, ok := v.(encoder)
	if !ok {
		return nil
	}
	b, err := e.AppendMsgpack(nil)
	if err != nil {
		return nil
	}
	return b
}

// PublishFailure publishes a failure on its topic (transport.Failure.TopicName), for who
// runs machines or brings them events: under an id, and also while the bus is being closed;
// afterwards nobody would hear it, and nothing happens. It waits for room for a second at most.
func (b *Bus) PublishFailure(ctx context.Context, id string, f *transport.Failure) error {
	where, key := place{bus: b}, ""
	var err error
	if family, ok := f.TopicFamily(); ok {
		where.family, where.keyed, key = family, true, f.Key
	} else if where.name, err = f.TopicName(); err != nil {
		return err
	}
	n, err := nodeEvenIfClosed[transport.Failure](where)
	if err != nil {
		return err
	}
	err = n.send(ctx, identified(id), key, f, deadLetterTimeout)
	if errors.Is(err, ErrClosed) {
		return nil // and nobody hears error topics
	}
	return err
}
