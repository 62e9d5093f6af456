package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is what deliveries go back to.
type fake struct {
	mu      sync.Mutex
	settled []error
	replies []*transport.Message
	fail    error // of Reply
}

func (f *fake) Settle(_ *transport.Delivery, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settled = append(f.settled, err)
	return nil
}

func (f *fake) Reply(_ context.Context, _ *transport.Delivery, m *transport.Message) error {
	if f.fail == nil {
		f.replies = append(f.replies, m)
	}
	return f.fail
}

func (f *fake) Later(d *transport.Delivery) func(context.Context, *transport.Message) error {
	return func(ctx context.Context, m *transport.Message) error { return f.Reply(ctx, nil, m) }
}

// TestDetach has a request be answered once, after it was settled.
func TestDetach(t *testing.T) {
	var f fake
	if _, err := f.delivery(transport.Message{}).Detach(); !errors.Is(err, transport.ErrNoRoute) {
		t.Errorf("what is no request: %v", err)
	}
	asked := transport.Message{Envelope: transport.Envelope{Topic: "event.order.quote", ReplyTo: "a", Correlation: "c"}}
	d := f.delivery(asked)
	reply, err := d.Detach()
	if err != nil || !d.Answered() {
		t.Fatalf("%v", err)
	}
	if _, err := d.Detach(); !errors.Is(err, transport.ErrStale) {
		t.Errorf("again: %v", err)
	}
	if err := d.Reply(t.Context(), &transport.Message{}); !errors.Is(err, transport.ErrStale) {
		t.Errorf("a reply besides: %v", err)
	}
	if err := d.Settle(nil); err != nil {
		t.Fatal(err)
	}
	if err := reply(t.Context(), &transport.Message{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := reply(t.Context(), &transport.Message{}); !errors.Is(err, transport.ErrStale) || len(f.replies) != 1 {
		t.Errorf("a second one: %v", err)
	}
	if m := f.replies[0]; m.Correlation != "c" || m.Topic != "event.order.quote" || string(m.Body) != "x" {
		t.Errorf("%+v", m)
	}
	d = f.delivery(asked)
	_ = d.Settle(nil)
	if _, err := d.Detach(); !errors.Is(err, transport.ErrStale) {
		t.Errorf("after Settle: %v", err)
	}
}

func (f *fake) delivery(m transport.Message) *transport.Delivery {
	d := &transport.Delivery{}
	d.Init(&m, f)
	return d
}

// TestSettleOnce has many goroutines settle one delivery.
func TestSettleOnce(t *testing.T) {
	var f fake
	d := f.delivery(transport.Message{})
	var first atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := d.Settle(nil); err == nil {
				first.Add(1)
			} else if !errors.Is(err, transport.ErrStale) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if first.Load() != 1 || len(f.settled) != 1 {
		t.Errorf("%d calls settled it; the transport heard of %d", first.Load(), len(f.settled))
	}
}

func TestReplyFailsOnce(t *testing.T) {
	f := fake{fail: errors.New("no")}
	m := transport.Message{Envelope: transport.Envelope{Topic: "event.a", ReplyTo: "r", Correlation: "c"}}
	d := f.delivery(m)
	if err := d.Reply(t.Context(), &transport.Message{}); !errors.Is(err, f.fail) || d.Answered() {
		t.Errorf("%v, answered: %v", err, d.Answered())
	}
	f.fail = nil
	mine := &transport.Message{Body: []byte("b")}
	if err := d.Reply(t.Context(), mine); err != nil || !d.Answered() {
		t.Errorf("%v, answered: %v", err, d.Answered())
	}
	if r := f.replies[0]; r.Correlation != "c" || r.Topic != "event.a" || string(r.Body) != "b" || mine.Correlation != "" {
		t.Errorf("%+v", r)
	}
}

func TestHandOver(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		name    string
		receive transport.Receiver
		want    func(error) bool
	}{
		{"panics", func(context.Context, *transport.Delivery) { panic(cause) }, func(err error) bool {
			p, ok := errors.AsType[*transport.PanicError](err)
			return ok && errors.Is(err, cause) && strings.Contains(string(p.Stack), "spi_test.go")
		}},
		{"goexit", func(context.Context, *transport.Delivery) { runtime.Goexit() }, func(err error) bool { return err != nil }},
		{"settles", func(_ context.Context, d *transport.Delivery) { _ = d.Settle(cause) }, func(err error) bool { return err == cause }},
	} {
		var f fake
		done := make(chan struct{})
		go func() {
			defer close(done)
			transport.HandOver(t.Context(), tt.receive, f.delivery(transport.Message{}))
		}()
		<-done
		if len(f.settled) != 1 || !tt.want(f.settled[0]) {
			t.Errorf("%s: settled with %v", tt.name, f.settled)
		}
	}
	var f fake
	transport.HandOver(t.Context(), func(context.Context, *transport.Delivery) {}, f.delivery(transport.Message{}))
	if len(f.settled) > 0 {
		t.Error("a delivery that is to be settled later was settled")
	}
}

func TestInReceiver(t *testing.T) {
	if transport.InReceiver(t.Context()) {
		t.Error("outside")
	}
	var f fake
	elsewhere := make(chan bool)
	transport.HandOver(t.Context(), func(ctx context.Context, _ *transport.Delivery) {
		if !transport.InReceiver(context.Background()) {
			t.Error("not seen among the callers")
		}
		go func() { elsewhere <- transport.InReceiver(ctx) && !transport.InReceiver(context.Background()) }()
	}, f.delivery(transport.Message{}))
	if !<-elsewhere {
		t.Error("in a goroutine of a receiver it is ctx that tells")
	}
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fake
		var inside, most atomic.Int32
		r := transport.Serve(3, func(context.Context, *transport.Delivery) error {
			most.Store(max(most.Load(), inside.Add(1)))
			time.Sleep(time.Second)
			inside.Add(-1)
			return nil
		})
		start := time.Now()
		for range 9 {
			transport.HandOver(t.Context(), r, f.delivery(transport.Message{}))
		}
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if took := time.Since(start); took != 3*time.Second || most.Load() != 3 || len(f.settled) != 9 {
			t.Errorf("%d settled in %v, %d at once", len(f.settled), took, most.Load())
		}
	})
}

func TestPublishError(t *testing.T) {
	m := &transport.Message{Envelope: transport.Envelope{ID: "i", Topic: "a.b"}}
	for _, tt := range []struct {
		known transport.Outcome
		err   error
		retry bool
	}{
		{transport.OutcomeNotSent, transport.ErrFull, true},
		{transport.OutcomeNotSent, transport.ErrNotConnected, true},
		{transport.OutcomeNotSent, transport.ErrBlocked, true},
		{transport.OutcomeNotSent, transport.ErrUnroutable, true},
		{transport.OutcomeNotSent, transport.TimeoutError(context.DeadlineExceeded), true},
		{transport.OutcomeUnknown, context.Canceled, true},
		{transport.OutcomeStored, transport.ErrUnroutable, false},
		{transport.OutcomeNotSent, transport.ErrClosed, false},
		{transport.OutcomeNotSent, fmt.Errorf("wrapped: %w", transport.ErrTooLarge), false},
		{transport.OutcomeNotSent, transport.ErrRejected, false},
		{transport.OutcomeNotSent, transport.ErrInvalidMessage, false},
	} {
		e := transport.NewPublishError(m, tt.known, tt.err)
		if e.Retryable() != tt.retry || e.Outcome() != tt.known || !errors.Is(e, tt.err) {
			t.Errorf("%v: retryable %v, outcome %v", e, e.Retryable(), e.Outcome())
		}
	}
	want := "xsgen: publishing i on a.b: xsgen: the queue is full (outcome: unknown)"
	if got := transport.NewPublishError(m, transport.OutcomeUnknown, transport.ErrFull).Error(); got != want {
		t.Errorf("%q", got)
	}
}

func TestRequests(t *testing.T) {
	var r transport.Requests
	c, err := r.Open("c")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"c", ""} {
		if _, err := r.Open(bad); !errors.Is(err, transport.ErrInvalidMessage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	reply := &transport.Message{Envelope: transport.Envelope{Correlation: "c"}}
	if !r.Deliver(reply) || r.Deliver(reply) {
		t.Error("a reply is delivered once")
	}
	if m, err := c.Wait(t.Context()); m != reply || err != nil {
		t.Errorf("%v, %v", m, err)
	}
	if c, err = r.Open("c"); err != nil {
		t.Fatal(err)
	}
	c.Drop()
	if r.Deliver(reply) {
		t.Error("nobody waits any more")
	}
	if c, err = r.Open("d"); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := c.Wait(t.Context()); !errors.Is(err, transport.ErrClosed) {
		t.Error(err)
	}
	if _, err := r.Open("e"); !errors.Is(err, transport.ErrClosed) {
		t.Error(err)
	}
}

// TestErrorReply has errors of every kind come back as they were.
func TestErrorReply(t *testing.T) {
	long := strings.Repeat("ü", 5000)
	for _, tt := range []struct {
		err  error
		want func(error) bool
	}{
		{nil, func(err error) bool { return errors.Is(err, transport.ErrNoReply) }},
		{errors.New("no"), func(err error) bool {
			r, ok := errors.AsType[*transport.ReplyError](err)
			return ok && *r == transport.ReplyError{Message: "no"}
		}},
		{transport.Permanent(errors.New("")), func(err error) bool {
			r, ok := errors.AsType[*transport.ReplyError](err)
			return ok && *r == transport.ReplyError{Permanent: true}
		}},
		{errors.New(long + "\xff"), func(err error) bool {
			r, ok := errors.AsType[*transport.ReplyError](err)
			return ok && strings.HasPrefix(long, r.Message) && len(r.Message) == 4096
		}},
	} {
		var rs transport.Requests
		c, err := rs.Open("c")
		if err != nil {
			t.Fatal(err)
		}
		m := transport.ErrorReply(tt.err)
		m.Correlation = "c"
		if err := m.Check(10_000); err != nil {
			t.Error(err)
		}
		rs.Deliver(m)
		if _, err := c.Wait(t.Context()); !tt.want(err) {
			t.Errorf("%v came back as %v", tt.err, err)
		}
	}
}

func TestAgain(t *testing.T) {
	p := transport.Profile{Retry: transport.Retry{Attempts: 3}}
	fail := errors.New("no")
	for _, tt := range []struct {
		p    transport.Profile
		n    int
		err  error
		want bool
	}{
		{p, 1, fail, true}, {p, 2, fail, true}, {p, 3, fail, false}, {transport.Profile{}, 1, fail, false},
		{p, 1, transport.Permanent(fail), false}, {p, 1, fmt.Errorf("x: %w", transport.ErrDecode), false},
	} {
		if got := tt.p.Again(tt.n, tt.err); got != tt.want {
			t.Errorf("attempt %d, %v: %v", tt.n, tt.err, got)
		}
	}
}

func TestDeadLetter(t *testing.T) {
	for _, tt := range []struct {
		name, key, want string
	}{
		{"event.order.submit", "", "error.order.dead"},
		{"order", "", "error.order.dead"},
		{"broadcast.drain", "", "error.broadcast.dead"},
		{"state.order.k1.a.b", "k1", "error.order.k1.dead"},
		{"event.m." + strings.Repeat("k", 245) + ".x", strings.Repeat("k", 245), "error.m.dead"}, // there is no room for both
	} {
		m := &transport.Message{Envelope: transport.Envelope{ID: "i", Topic: "x"}}
		m.Topic, m.Key = topic.Name(tt.name), tt.key
		letter, err := transport.DeadLetter(m, "sub", 1, errors.New("\xff"))
		if err != nil || string(letter.Topic) != tt.want || letter.ID != "i/dead/sub" || letter.Causation != "i" {
			t.Errorf("%s: %+v, %v", tt.name, letter, err)
		}
	}
	if _, err := transport.DeadLetter(&transport.Message{Envelope: transport.Envelope{Topic: "error.order.dead"}}, "", 1, errors.New("x")); err == nil {
		t.Error("a failure has a dead letter")
	}
}

// TestDeadLetterFits has an event, an error and names that are as long as can be: the letter is
// a message like others.
func TestDeadLetterFits(t *testing.T) {
	key := strings.Repeat("ü", 120)
	body := bytes.Repeat([]byte("x"), codec.MaxSize)
	m := &transport.Message{Envelope: transport.Envelope{ID: key, Topic: "event." + topic.Name(strings.Repeat("m", 200)) + ".x", Key: key}, Body: body}
	letter, err := transport.DeadLetter(m, "sub", 1, errors.New(strings.Repeat("ü", codec.MaxSize)))
	if err != nil {
		t.Fatal(err)
	}
	if err := letter.Check(codec.MaxSize); err != nil {
		t.Error(err)
	}
	var f transport.Failure
	if err := f.UnmarshalMsgpack(letter.Body); err != nil {
		t.Fatal(err)
	}
	if n := len(f.Original); n < codec.MaxSize*9/10 || !bytes.HasPrefix(body, f.Original) || !strings.HasSuffix(f.Message, "(the original had 1048576 bytes, and is cut)") {
		t.Errorf("of the original there are %d bytes, and the message ends %q", n, f.Message[len(f.Message)-60:])
	}
	m.Body = body[:codec.MaxSize*9/10]
	if letter, err = transport.DeadLetter(m, "sub", 1, errors.New("no")); err != nil {
		t.Fatal(err)
	}
	if err := f.UnmarshalMsgpack(letter.Body); err != nil || len(f.Original) != len(m.Body) || f.Message != "no" {
		t.Errorf("%d bytes, %q, %v", len(f.Original), f.Message, err)
	}
}

// TestDeadLetterID has an id that is as long as an envelope allows, and more than that
// for what is made of it.
func TestDeadLetterID(t *testing.T) {
	m := &transport.Message{Envelope: transport.Envelope{ID: strings.Repeat("ü", 120), Topic: "event.order.x"}}
	ids := map[string]int{}
	for _, sub := range []string{"a", strings.Repeat("x", 300), strings.Repeat("y", 300), strings.Repeat("y", 300)} {
		letter, err := transport.DeadLetter(m, sub, 1, errors.New("no"))
		if err != nil {
			t.Fatal(err)
		}
		if err := letter.Check(1000); err != nil {
			t.Error(err)
		}
		ids[letter.ID]++
	}
	if len(ids) != 3 {
		t.Errorf("%v", ids)
	}
}

// TestReplyErrorInProcess has the receiver's own error be there.
func TestReplyErrorInProcess(t *testing.T) {
	own := errors.New("own")
	var err error = transport.NewReplyError(transport.Permanent(own))
	r, ok := errors.AsType[*transport.ReplyError](err)
	if !ok || !errors.Is(err, own) || !r.Permanent || r.Message != "own" {
		t.Errorf("%+v", err)
	}
	if errors.Unwrap(&transport.ReplyError{Message: "sent"}) != nil {
		t.Error("an error that was sent wraps something")
	}
}

func TestAgainAmong(t *testing.T) {
	no := errors.New("no")
	retried := transport.Profile{Retry: transport.Retry{Attempts: 4}}
	for _, tt := range []struct {
		p          transport.Profile
		members, n int
		err        error
		want       bool
	}{
		{transport.Profile{}, 1, 1, no, false},
		{transport.Profile{}, 3, 2, no, true},
		{transport.Profile{}, 3, 3, no, false},
		{retried, 3, 3, no, true},
		{retried, 3, 4, no, false},
		{retried, 3, 1, transport.Permanent(no), false},
		{retried, 3, 1, transport.ErrDecode, false},
	} {
		if got := tt.p.AgainAmong(tt.members, tt.n, tt.err); got != tt.want {
			t.Errorf("%d members, attempt %d, %v: %v", tt.members, tt.n, tt.err, got)
		}
	}
}

// TestTooMuchAtOnce: what a profile asks for is there from the beginning, and without end it
// would be the process's.
func TestTooMuchAtOnce(t *testing.T) {
	for _, p := range []transport.Profile{
		{BatchSize: 1 << 16, Capacity: 1 << 20}, {Prefetch: 1 << 16}, {Concurrency: 1 << 16},
	} {
		if err := p.Validate(); !errors.Is(err, transport.ErrInvalidProfile) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	p := transport.Profile{BatchSize: transport.MaxAtOnce, Capacity: 1 << 20, Prefetch: transport.MaxAtOnce, Concurrency: transport.MaxAtOnce}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}
