package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// ReplyError is the error with which a receiver has answered a request.
type ReplyError struct {
	Message   string
	Permanent bool  // asking again would not help
	Err       error // the receiver's own, where it has not been sent anywhere; else nil
}

// NewReplyError returns a receiver's error for a requester in the same process.
func NewReplyError(err error) *ReplyError { return &ReplyError{err.Error(), IsPermanent(err), err} }

func (e *ReplyError) Error() string { return "xsgen: the receiver's error: " + e.Message }

// Unwrap returns the receiver's own error, if it is known.
func (e *ReplyError) Unwrap() error { return e.Err }

// The headers of a reply that is an error; an event's own begin otherwise.
const (
	headerError     = "x-xsgen-error"
	headerPermanent = "x-xsgen-permanent"
	headerNoReply   = "x-xsgen-no-reply"
)

// maxErrorText is how many bytes of an error's text are sent.
const maxErrorText = 4096

// ErrorReply makes the reply that settling a request with err amounts to; nil means
// that nobody has answered it.
func ErrorReply(err error) *Message {
	h := map[string]string{}
	switch {
	case err == nil:
		h[headerNoReply] = "1"
	case IsPermanent(err):
		h[headerPermanent] = "1"
		fallthrough
	default:
		text := err.Error()
		h[headerError] = strings.ToValidUTF8(text[:min(len(text), maxErrorText)], "\uFFFD")
	}
	return &Message{Envelope: Envelope{Headers: h}}
}

// replyError is the error that a reply stands for, nil for others.
func replyError(m *Message) error {
	if m.Headers[headerNoReply] != "" {
		return ErrNoReply
	}
	if text, ok := m.Headers[headerError]; ok {
		return &ReplyError{Message: text, Permanent: m.Headers[headerPermanent] != ""}
	}
	return nil
}

// Requests are the requests of a transport that wait for their replies. The zero
// value has none. It is safe for concurrent use.
type Requests struct {
	mu      sync.Mutex
	waiting map[string]*Call
	closed  bool
}

// Call is a request that waits for its reply.
type Call struct {
	rs          *Requests
	correlation string
	reply       chan *Message // nil is that the transport was closed
}

// Open begins to wait for the reply with a correlation. It is ErrClosed after Close,
// and ErrInvalidMessage if another request of the same correlation waits.
func (r *Requests) Open(correlation string) (*Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if _, dup := r.waiting[correlation]; dup || correlation == "" {
		return nil, fmt.Errorf("%w: the correlation %q is not a new one", ErrInvalidMessage, correlation)
	}
	if r.waiting == nil {
		r.waiting = map[string]*Call{}
	}
	c := &Call{r, correlation, make(chan *Message, 1)}
	r.waiting[correlation] = c
	return c, nil
}

// Deliver hands a reply, which is the receiver's from now on, to whoever waits for it;
// false if nobody does.
func (r *Requests) Deliver(m *Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.waiting[m.Correlation]
	if c == nil {
		return false
	}
	delete(r.waiting, m.Correlation)
	c.reply <- m
	return true
}

// Close ends all that wait with ErrClosed.
func (r *Requests) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, c := range r.waiting {
		c.reply <- nil
	}
	clear(r.waiting)
}

// Drop says that the call is over, whether it was answered or not.
func (c *Call) Drop() {
	c.rs.mu.Lock()
	defer c.rs.mu.Unlock()
	if c.rs.waiting[c.correlation] == c {
		delete(c.rs.waiting, c.correlation)
	}
}

// Wait waits for the reply; its errors are Transport.Request's.
func (c *Call) Wait(ctx context.Context) (*Message, error) {
	select {
	case m := <-c.reply:
		if m == nil {
			return nil, ErrClosed
		}
		if err := replyError(m); err != nil {
			return nil, err
		}
		return m, nil
	case <-ctx.Done():
		return nil, TimeoutError(ctx.Err())
	}
}

// TimeoutError is a ctx's error, and ErrTimeout as well if a deadline has passed.
func TimeoutError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}
