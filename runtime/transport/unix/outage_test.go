//go:build linux || darwin

package unix_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// cutting cuts a transport's connections again and again, until stop is called.
func cutting(t *unix.Transport, every time.Duration) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-time.After(every):
				t.Cut()
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// TestKeptThroughCuts has connections break under messages that are kept: each comes once,
// and in order.
func TestKeptThroughCuts(t *testing.T) {
	const n = 20_000
	dir := tempDir(t)
	from, to := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "to"})
	var b box
	s := subscribe(t, to, transport.SubscribeRequest{Name: "jobs", Profile: reliably(), Receive: b.receive})
	stop := cutting(from, 20*time.Millisecond)
	for i := range n {
		if _, err := from.Begin(t.Context(), message(i)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	inOrder(t, b.wait(t, n), n)
	until(t, "nothing is kept", func() bool { return from.Kept() == 0 })
	if st := s.Stats(); st.Handled != n || st.Gaps != 0 || st.Balance() != 0 {
		t.Errorf("%+v", st)
	}
}

// TestConfirmedThroughCuts waits for each message's confirmation: then the receiver has it.
func TestConfirmedThroughCuts(t *testing.T) {
	const n = 500
	dir := tempDir(t)
	from, to := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "to"})
	var b box
	p := reliably()
	subscribe(t, to, transport.SubscribeRequest{Name: "jobs", Profile: p, Receive: b.receive})
	stop := cutting(to, 20*time.Millisecond)
	defer stop()
	for i := range n {
		m := message(i)
		m.Profile = &p
		publish(t, from, m)
	}
	inOrder(t, b.wait(t, n), n)
}

// TestGaps has connections break under messages that are not kept: what has not come is
// counted, and told, exactly.
func TestGaps(t *testing.T) {
	for _, policy := range []transport.Overflow{transport.Block, transport.DropOldest, transport.DropNewest} {
		const n = 20_000
		dir := tempDir(t)
		from, to := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "to"})
		var b box
		var mu sync.Mutex
		told := uint64(0)
		s := subscribe(t, to, transport.SubscribeRequest{
			Profile: transport.Profile{Overflow: policy, Prefetch: 50}, Receive: b.receive,
			OnGap: func(g transport.Gap) {
				mu.Lock()
				defer mu.Unlock()
				told += g.Last - g.First + 1
			},
		})
		stop := cutting(from, 10*time.Millisecond)
		for i := range n {
			publish(t, from, message(i))
		}
		stop()
		until(t, "all are accounted for", func() bool {
			st := s.Stats()
			mu.Lock()
			defer mu.Unlock()
			return st.Accepted+st.Gaps == n && told == st.Gaps && st.Waiting+st.InFlight == 0
		})
		mu.Lock()
		st := s.Stats()
		if told != st.Gaps || st.Balance() != 0 || st.Handled != uint64(len(b.list())) {
			t.Errorf("policy %d: %d were told of, %+v", policy, told, st)
		}
		mu.Unlock()
	}
}

// TestAwayAndBack has the receiver end, in order, and another one of its name come later.
func TestAwayAndBack(t *testing.T) {
	dir := tempDir(t)
	from := open(t, unix.Config{Dir: dir, Node: "from"})
	var b box
	job := transport.SubscribeRequest{Name: "jobs", Profile: reliably(), Receive: b.receive}
	to := open(t, unix.Config{Dir: dir, Node: "to"})
	subscribe(t, to, job)
	publish(t, from, message(0))
	b.wait(t, 1)
	shut(t, to)
	for i := 1; i < 100; i++ {
		publish(t, from, message(i))
	}
	if from.Kept() != 99 {
		t.Errorf("%d are kept", from.Kept())
	}
	to = open(t, unix.Config{Dir: dir, Node: "to"})
	subscribe(t, to, job)
	publish(t, from, message(100))
	inOrder(t, b.wait(t, 101), 101)
	until(t, "nothing is kept", func() bool { return from.Kept() == 0 })
}

// TestBeforeItWasThere keeps messages for inboxes that nobody has had yet: as many as they
// hold.
func TestBeforeItWasThere(t *testing.T) {
	const n = 20
	for name, q := range map[string]transport.Queue{
		"a node's":  {Node: "to", Name: "jobs"},
		"a group's": {Group: "g"},
	} {
		dir := tempDir(t)
		p := reliably()
		p.Capacity, p.Prefetch = n, 5
		q.Patterns, q.Profile = []topic.Pattern{"event.#"}, p
		from := open(t, unix.Config{Dir: dir, Node: "from", Queues: []transport.Queue{q}})
		for i := range n {
			if _, err := from.Begin(t.Context(), message(i)); err != nil {
				t.Fatal(name, err)
			}
		}
		m := message(n)
		m.Profile = &transport.Profile{PublishTimeout: 20 * time.Millisecond}
		if _, err := from.Begin(t.Context(), m); !errors.Is(err, transport.ErrTimeout) || !errors.Is(err, transport.ErrNotConnected) {
			t.Errorf("%s: one more than it holds: %v", name, err)
		}
		var b box
		to := open(t, unix.Config{Dir: dir, Node: "to"})
		subscribe(t, to, transport.SubscribeRequest{Name: q.Name, Group: q.Group, Profile: p, Receive: b.receive})
		inOrder(t, b.wait(t, n), n)
		until(t, "nothing is kept", func() bool { return from.Kept() == 0 })
	}
}

// TestCloseAwaitsWhatIsKept has a publisher close while the receiver is away: it waits, and
// says what is left if its time is over.
func TestCloseAwaitsWhatIsKept(t *testing.T) {
	dir := tempDir(t)
	queue := transport.Queue{Node: "to", Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: reliably()}
	from := open(t, unix.Config{Dir: dir, Node: "from", Queues: []transport.Queue{queue}})
	publish(t, from, message(0))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := from.Close(ctx)
	if d, ok := errors.AsType[*transport.DrainError](err); !ok || d.Left != 1 {
		t.Errorf("closing with a message that nobody has got: %v", err)
	}
	from = open(t, unix.Config{Dir: dir, Node: "from", Queues: []transport.Queue{queue}})
	publish(t, from, message(0))
	closed := make(chan error)
	go func() { closed <- from.Close(t.Context()) }()
	var b box
	to := open(t, unix.Config{Dir: dir, Node: "to"})
	subscribe(t, to, transport.SubscribeRequest{Name: "jobs", Profile: reliably(), Receive: b.receive})
	if err := <-closed; err != nil {
		t.Error(err)
	}
	inOrder(t, b.wait(t, 1), 1)
}

// TestGroupOfProcesses has members of a group in two processes. One fails for everything:
// the other one gets it. Then one leaves with messages that it has not seen: the other one
// gets those, too.
func TestGroupOfProcesses(t *testing.T) {
	const n = 50
	for _, profile := range []transport.Profile{{}, reliably(), {Retry: transport.Retry{Attempts: 3, Initial: time.Millisecond}}} {
		dir := tempDir(t)
		from, one, two := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "one"}), open(t, unix.Config{Dir: dir, Node: "two"})
		var good box
		failing := subscribe(t, one, transport.SubscribeRequest{Group: "g", Profile: profile, Receive: func(_ context.Context, d *transport.Delivery) {
			_ = d.Settle(errors.New("not me"))
		}})
		handling := subscribe(t, two, transport.SubscribeRequest{Group: "g", Profile: profile, Receive: good.receive})
		for i := range n {
			publish(t, from, message(i))
		}
		good.wait(t, n)
		sum := func() transport.Stats {
			st := failing.Stats()
			st.Add(handling.Stats())
			return st
		}
		until(t, "all are handled", func() bool { st := sum(); return st.Handled == n && st.Waiting+st.InFlight == 0 })
		if st := sum(); st.Accepted != n || st.Dead != 0 || st.Failed == 0 || st.Balance() != 0 || failing.Stats().Balance() != 0 {
			t.Errorf("%+v and %+v", failing.Stats(), handling.Stats())
		}
		until(t, "nothing is kept", func() bool { return from.Kept()+one.Kept() == 0 })
		if err := failing.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestGroupMemberLeaves has the only member of a process leave with a long queue.
func TestGroupMemberLeaves(t *testing.T) {
	const n = 40
	for _, profile := range []transport.Profile{{Prefetch: 5}, reliably()} {
		dir := tempDir(t)
		from, one, two := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "one"}), open(t, unix.Config{Dir: dir, Node: "two"})
		var good box
		held := make(chan struct{})
		leaver := subscribe(t, one, transport.SubscribeRequest{Group: "g", Profile: profile, Receive: func(_ context.Context, d *transport.Delivery) {
			<-held
			_ = d.Settle(nil)
		}})
		for i := range n {
			publish(t, from, message(i))
		}
		until(t, "all were queued", func() bool { return leaver.Stats().Accepted == n })
		stayer := subscribe(t, two, transport.SubscribeRequest{Group: "g", Profile: profile, Receive: good.receive})
		until(t, "one knows of the other", func() bool { return one.Peers() == 2 })
		left := make(chan error)
		go func() { left <- leaver.Close(t.Context()) }()
		ids := good.wait(t, n-1)
		close(held)
		if err := <-left; err != nil {
			t.Error(err)
		}
		if ids[0] != id(1) || len(ids) != n-1 {
			t.Errorf("the other one got %v", ids)
		}
		until(t, "nothing is kept", func() bool { return from.Kept()+one.Kept() == 0 })
		st := stayer.Stats()
		if x := leaver.Stats(); x.Handled != 1 || x.Balance() != 0 || st.Handled != n-1 || st.Balance() != 0 {
			t.Errorf("%+v and %+v", x, st)
		}
	}
}

// TestDurableHasNoMeaning has a subscription that would like to be durable: it is as any
// other one.
func TestDurableHasNoMeaning(t *testing.T) {
	dir := tempDir(t)
	from, to := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "to"})
	var b box
	s := subscribe(t, to, transport.SubscribeRequest{Name: "jobs", Profile: transport.Profile{Durable: transport.Durable}, Receive: b.receive})
	for i := range 10 {
		publish(t, from, message(i))
	}
	b.wait(t, 10)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	publish(t, from, message(10))
	if from.Kept() != 0 {
		t.Error("something is kept")
	}
}

// TestOneOfTwo has a process be there for one of two inboxes, and end: what is kept for the
// other one is still there, whichever was first.
func TestOneOfTwo(t *testing.T) {
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		dir := tempDir(t)
		var queues []transport.Queue
		for _, name := range []string{"a", "b"} {
			queues = append(queues, transport.Queue{Node: "to", Name: name, Patterns: []topic.Pattern{"event.#"}, Profile: reliably()})
		}
		from := open(t, unix.Config{Dir: dir, Node: "from", Queues: queues})
		boxes := map[string]*box{"a": {}, "b": {}}
		publish(t, from, message(0))
		for _, turn := range []struct {
			name string
			n    int
		}{{names[0], 1}, {names[1], 2}, {names[0], 2}} {
			b := boxes[turn.name]
			to := open(t, unix.Config{Dir: dir, Node: "to"})
			subscribe(t, to, transport.SubscribeRequest{Name: turn.name, Profile: reliably(), Receive: b.receive})
			inOrder(t, b.wait(t, turn.n), turn.n)
			shut(t, to)
			if turn.n == 1 {
				publish(t, from, message(1))
			}
		}
	}
}

// TestKeptWhileMembersChange has members come and go of a group that gets messages: none that is
// settled stays kept.
func TestKeptWhileMembersChange(t *testing.T) {
	const n = 3_000
	dir := tempDir(t)
	from, to := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "to"})
	var b box
	job := transport.SubscribeRequest{Group: "g", Patterns: []topic.Pattern{"event.#"}, Profile: reliably(), Receive: b.receive}
	subscribe(t, to, job)
	done := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				s, err := to.Subscribe(t.Context(), job)
				if err == nil {
					err = s.Close(t.Context())
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range n {
		if _, err := from.Begin(t.Context(), message(i)); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	changing.Wait()
	b.wait(t, n)
	until(t, "nothing is kept", func() bool { return from.Kept() == 0 })
}
