package transport

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/topic"
)

// This file is for those who implement a Transport: how its methods begin and end, which is
// the same everywhere. Programs need none of it. docs/transport.md has it together.

// NewEpoch returns a name, 16 hexadecimal digits, for one life of a transport. Another one
// of the same process, or after it has started anew, has another name.
func NewEpoch() string {
	var epoch [8]byte
	_, _ = rand.Read(epoch[:]) // it never fails
	return hex.EncodeToString(epoch[:])
}

// NewID returns an id for the nth message without one in an epoch.
func NewID(epoch string, n uint64) string {
	var buf [32]byte
	return string(strconv.AppendUint(append(append(buf[:0], epoch...), '-'), n, 36))
}

// CheckPublish is what Begin and Request look at before anything is done with m: ctx, which
// may have ended, m with a body of at most limit bytes, and its profile, as t's Check says,
// unless it is the known one. Whoever finds no route for m asks CheckTopic as well. The error belongs in a
// *PublishError; see NotSent.
func CheckPublish(ctx context.Context, t Transport, m *Message, limit int, known *KnownProfile) error {
	if err := ctx.Err(); err != nil {
		return TimeoutError(err)
	}
	if err := m.Check(limit); err != nil {
		return err
	}
	if m.Profile == nil || known.last.Load() == m.Profile {
		return nil
	}
	if err := t.Check(*m.Profile); err != nil {
		return err
	}
	known.last.Store(m.Profile)
	return nil
}

// KnownProfile is the profile that a message was published with last, and that is sound: nobody
// may change it, so it is not looked at for each message. Its zero value is none.
type KnownProfile struct{ last atomic.Pointer[Profile] }

// CheckTopic returns an error that wraps ErrInvalidMessage for what is no topic. A topic
// that something matches is one, so that only one without a route must be looked at.
func CheckTopic(name topic.Name) error {
	if _, err := topic.Parse(string(name)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidMessage, err)
	}
	return nil
}

// CheckReply is what a reply is held to: a body of at most limit bytes, and a topic if it
// has one.
func CheckReply(m *Message, limit int) error {
	if err := m.Check(limit); err != nil || m.Topic == "" {
		return err
	}
	return CheckTopic(m.Topic)
}

// CheckSubscribe is what Subscribe looks at before anything is done: ctx, which may have
// ended, the request, its profile, as t's Check says, and of a group whether t's Guarantees
// have its policy and its order.
func CheckSubscribe(ctx context.Context, t Transport, r *SubscribeRequest) error {
	if err := ctx.Err(); err != nil {
		return TimeoutError(err)
	}
	if err := r.Check(); err != nil {
		return err
	}
	if poison.On {
		r.Where = spoiling(r.Where)
	}
	if err := t.Check(r.Profile); err != nil || r.Group == "" {
		return err
	}
	switch g := t.Guarantees(); {
	case !slices.Contains(g.Policies, r.Policy):
		return fmt.Errorf("%w: group %q: the transport has no such policy", ErrInvalidProfile, r.Group)
	case r.Profile.Order == OrderKey && !g.GroupKeys:
		return fmt.Errorf("%w: group %q: the transport keeps no order in groups", ErrInvalidProfile, r.Group)
	}
	return nil
}

// Label is what errors and dead letters call the subscription: its group's name, its own
// or, if it has neither, its patterns.
func (r *SubscribeRequest) Label() string {
	switch {
	case r.Group != "":
		return r.Group
	case r.Name != "":
		return r.Name
	}
	patterns := make([]string, len(r.Patterns))
	for i, p := range r.Patterns {
		patterns[i] = string(p)
	}
	return strings.Join(patterns, ",")
}

// Agrees reports whether two members of a group want the same, as far as one can see: of
// filters, only whether there is one. If they do not, Subscribe is ErrGroupMismatch.
func (r *SubscribeRequest) Agrees(o *SubscribeRequest) bool {
	return slices.Equal(r.Patterns, o.Patterns) && r.Policy == o.Policy && r.Profile == o.Profile &&
		(r.Where == nil) == (o.Where == nil)
}

// Unsettled is how many deliveries may be with a receiver and not settled.
func (p *Profile) Unsettled() int {
	if p.Prefetch > 0 {
		return p.Prefetch
	}
	return max(p.Concurrency, 1) * max(p.BatchSize, 1)
}

// NotSent is the error of a message that nobody has, or will have.
func NotSent(m *Message, err error) *PublishError { return NewPublishError(m, OutcomeNotSent, err) }

// Ask returns the message that m is sent as when it is a request whose reply goes to
// replyTo: where m has no id it gets one of newID's, and where it has no correlation, the
// id. It is not mandatory.
func Ask(m *Message, replyTo string, newID func() string) *Message {
	ask := *m
	if ask.ID == "" {
		ask.ID = newID()
	}
	if ask.Correlation == "" {
		ask.Correlation = ask.ID
	}
	ask.ReplyTo, ask.Mandatory = replyTo, false
	return &ask
}

// Do has send publish what Ask has made, and waits for the reply. send returns how many
// receivers have it, observers not counted, and its errors are a Request's, as are Do's.
func (r *Requests) Do(ctx context.Context, ask *Message, send func(ask *Message) (takers int, err error)) (*Message, error) {
	call, err := r.Open(ask.Correlation)
	if err != nil {
		return nil, NotSent(ask, err)
	}
	defer call.Drop()
	switch takers, err := send(ask); {
	case err != nil:
		return nil, err
	case takers == 0:
		return nil, NotSent(ask, ErrNoListener)
	}
	return call.Wait(ctx)
}

// Drained waits, in a Close, until done is closed or ctx ends, and reports whether done is:
// an end that has come counts, even if ctx has ended too. If it is not, what is left is to
// be given up. From within a receiver Close does not wait at all; see InReceiver.
func Drained(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
