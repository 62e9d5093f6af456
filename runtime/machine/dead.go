package machine

import (
	"context"
	"errors"
	"slices"
)

// MaxOutbox is the number of messages that may wait for an instance of a keyed host:
// with more it takes no events from outside, which fail with ErrFull, until some have
// been published.
const MaxOutbox = 1024

// full reports whether too much waits to be published.
func (l *life) full() bool { return l.core.bound && l.waiting.Load() >= MaxOutbox }

// permanent reports whether publishing the same message again would fail again: who
// was to hear it says so, nobody plays the role, or the machine does not know it any
// more. Of several errors all must be.
func permanent(err error) bool {
	if r, ok := err.(interface{ Retryable() bool }); ok {
		return !r.Retryable()
	}
	if err == ErrNobody || err == ErrUnknownEvent {
		return true
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all := joined.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(e error) bool { return !permanent(e) })
	}
	inner := errors.Unwrap(err)
	return inner != nil && permanent(inner)
}

// deadName is the name of the message that reports a dead one.
const deadName = "error." + string(FailedDead)

// topicOf is the topic of a message, empty if nobody knows.
func topicOf(m *message) string {
	if m.from == nil {
		return ""
	}
	return m.from.TopicOf(ownName(m.Name))
}

// bury puts the report of a message that can never be published in its place, or
// nothing, if it is such a report itself.
func (l *life) bury(ctx context.Context, m *message, err error) {
	c := l.core
	c.Logger().ErrorContext(ctx, "an event can never be published and is dropped", "id", m.ID, "event", m.Name, "error", err)
	if c.observer != nil {
		c.observer.Failed(c.self, &PublishError{c.self.Machine, c.self.Key, err})
	}
	if m.Name != deadName {
		value := l.publisher.FailureValue(Failure{
			Kind: FailedDead, Machine: c.self.Machine, Key: c.self.Key, State: c.leafName(), Event: m.Name, Err: err,
			Topic: topicOf(m), Attempts: m.tried, Original: m.Payload,
		})
		data, failed := c.prog.(Codec).EncodeEvent(value)
		if failed == nil {
			l.failures = 0
			*m = message{Message: Message{m.ID + "/" + string(FailedDead), deadName, data}, from: l.publisher, value: value}
			return
		}
		c.Logger().ErrorContext(ctx, "that an event is dropped cannot be reported", "id", m.ID, "error", failed)
	}
	*m = message{}
	l.outbox = l.outbox[1:]
}
