package queue_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config(capacity int, p queue.Policy) queue.Config[int] {
	return queue.Config[int]{Capacity: capacity, Policy: p, Lanes: 1}
}

// put adds items to lane 0 and returns the first error.
func put(t *testing.T, q *queue.Queue[int], items ...int) error {
	t.Helper()
	for _, i := range items {
		if err := q.Put(t.Context(), 0, &i, int64(i), 0); err != nil {
			return err
		}
	}
	return nil
}

// rest ends q and takes what is left of a lane.
func rest(q *queue.Queue[int], lane int) []int {
	q.End()
	c := q.Consumer(lane)
	var out []int
	buf := make([]int, 3)
	for {
		n, more := c.Take(buf, time.Time{})
		if !more {
			return out
		}
		out = append(out, buf[:n]...)
	}
}

func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		policy            queue.Policy
		want              []int
		accepted, dropped uint64
		err               error
	}{
		{queue.DropOldest, []int{3, 4, 5}, 5, 2, nil},
		{queue.DropNewest, []int{1, 2, 3}, 5, 2, nil},
		{queue.Reject, []int{1, 2, 3}, 3, 0, queue.ErrFull},
	} {
		q := queue.New(config(3, tt.policy))
		if err := put(t, q, 1, 2, 3, 4, 5); !errors.Is(err, tt.err) {
			t.Errorf("%d: %v", tt.policy, err)
		}
		if s := q.Stats(); s != (queue.Stats{Accepted: tt.accepted, Used: 3, Waiting: 3, Dropped: tt.dropped}) {
			t.Errorf("%d: %+v", tt.policy, s)
		}
		if got := rest(q, 0); !slices.Equal(got, tt.want) {
			t.Errorf("%d: %v, want %v", tt.policy, got, tt.want)
		}
		if err := put(t, q, 6); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("%d: after the end: %v", tt.policy, err)
		}
	}
}

// TestDropOldestOfAllLanes has two lanes, and what is being handled in a third.
func TestDropOldestOfAllLanes(t *testing.T) {
	var dropped []int
	q := queue.New(queue.Config[int]{Capacity: 4, Policy: queue.DropOldest, Lanes: 3, Dropped: func(i *int) { dropped = append(dropped, *i) }})
	add := func(lane, i int) {
		if err := q.Put(t.Context(), lane, &i, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	add(2, 0)
	if n, _ := q.Consumer(2).Take(make([]int, 1), time.Time{}); n != 1 {
		t.Fatal("nothing was there")
	}
	for i, lane := range []int{1, 0, 0, 1, 0, 1} {
		add(lane, i+1)
	}
	if want := []int{1, 2, 3}; !slices.Equal(dropped, want) {
		t.Errorf("%v were dropped, not %v", dropped, want)
	}
	if a, b := rest(q, 0), rest(q, 1); !slices.Equal(a, []int{5}) || !slices.Equal(b, []int{4, 6}) {
		t.Errorf("%v and %v are left", a, b)
	}
}

func TestBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(config(2, queue.Block))
		c := q.Consumer(0)
		if err := put(t, q, 1, 2); err != nil {
			t.Fatal(err)
		}
		if n, _ := c.Take(make([]int, 2), time.Time{}); n != 2 {
			t.Fatalf("%d were there", n)
		}
		start := time.Now()
		if err := q.Put(t.Context(), 0, new(int), 0, time.Second); !errors.Is(err, queue.ErrTimeout) || time.Since(start) != time.Second {
			t.Errorf("what is being handled takes room: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Put(ctx, 0, new(int), 0, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a ctx: %v", err)
		}
		var got sync.Map
		for i := range 4 {
			go func() { got.Store(i, q.Put(t.Context(), 0, new(int), 0, 0)) }()
			synctest.Wait()
		}
		c.Settle(1, 0)
		synctest.Wait()
		if err, ok := got.Load(0); !ok || err != nil {
			t.Errorf("the one that waits longest is let in first: %v, %v", ok, err)
		}
		if _, ok := got.Load(1); ok {
			t.Error("two were let into one place")
		}
		q.End()
		synctest.Wait()
		for i := 1; i < 4; i++ {
			if err, _ := got.Load(i); err != queue.ErrClosed {
				t.Errorf("when the queue ended: %v", err)
			}
		}
	})
}

func TestBytes(t *testing.T) {
	q := queue.New(queue.Config[int]{Capacity: 100, Bytes: 10, Size: func(i *int) int64 { return int64(*i) }, Policy: queue.DropNewest, Lanes: 1})
	if err := put(t, q, 4, 5, 2, 1); err != nil {
		t.Fatal(err)
	}
	if s := q.Stats(); s != (queue.Stats{Accepted: 4, Used: 3, Waiting: 3, Bytes: 10, Dropped: 1}) {
		t.Errorf("%+v", s)
	}
	if err := put(t, q, 11); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("larger than the queue: %v", err)
	}
	c := q.Consumer(0)
	if n, _ := c.Take(make([]int, 1), time.Time{}); n != 1 {
		t.Fatal(n)
	}
	c.Settle(1, 4)
	if s := q.Stats(); s != (queue.Stats{Accepted: 4, Settled: 1, Used: 2, Waiting: 2, Bytes: 6, Dropped: 1}) {
		t.Errorf("%+v", s)
	}
	if out := q.Clear(); !slices.Equal(out, []int{5, 1}) || q.Stats().Bytes != 0 {
		t.Errorf("%v, %+v", out, q.Stats())
	}
}

func TestTakeUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(config(2, queue.Block))
		c := q.Consumer(0)
		for range 3 {
			start := time.Now()
			if n, more := c.Take(make([]int, 1), start.Add(time.Minute)); n != 0 || !more || time.Since(start) != time.Minute {
				t.Errorf("%d, %v after %v", n, more, time.Since(start))
			}
		}
		go func() { _ = put(t, q, 7) }()
		buf := make([]int, 1)
		if n, _ := c.Take(buf, time.Now().Add(time.Minute)); n != 1 || buf[0] != 7 {
			t.Errorf("%d, %v", n, buf)
		}
	})
}

// TestConservation has many producers and consumers, and counts.
func TestConservation(t *testing.T) {
	for _, policy := range []queue.Policy{queue.Block, queue.DropOldest, queue.DropNewest} {
		for _, lanes := range []int{1, 3} {
			conserve(t, queue.New(queue.Config[int]{Capacity: 7, Policy: policy, Lanes: lanes}), policy, lanes)
		}
	}
}

func conserve(t *testing.T, q *queue.Queue[int], policy queue.Policy, lanes int) {
	t.Helper()
	const producers, each, stride = 4, 3000, 10_000
	var mu sync.Mutex
	taken, last := 0, map[int]int{} // the last number of each producer
	var consumers, publishers sync.WaitGroup
	for i := range 3 {
		c := q.Consumer(i % lanes)
		consumers.Go(func() {
			buf := make([]int, 1+i)
			for {
				n, more := c.Take(buf, time.Time{})
				if !more {
					return
				}
				mu.Lock()
				taken += n
				for _, x := range buf[:n] {
					if lanes == 3 && last[x/stride] >= x { // one consumer for each lane
						t.Errorf("%d came after %d", x, last[x/stride])
					}
					last[x/stride] = x
				}
				mu.Unlock()
				c.Settle(n, 0)
			}
		})
	}
	for p := range producers {
		publishers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), 1))
			for i := 1; i < each; {
				batch := make([]int, 1+r.IntN(10))
				for j := range batch {
					batch[j] = p*stride + i
					i++
				}
				if n, err := q.PutAll(context.Background(), p%lanes, batch, 0); err != nil || n != len(batch) {
					t.Errorf("%d, %v", n, err)
				}
				mu.Lock()
				taken -= len(batch)
				mu.Unlock()
			}
		})
	}
	publishers.Wait()
	q.End()
	consumers.Wait()
	s := q.Stats()
	if taken+int(s.Dropped) != 0 || s.Used != 0 || s.Waiting != 0 || policy == queue.Block && s.Dropped > 0 {
		t.Errorf("policy %d, %d lanes: %d too many or too few; %+v", policy, lanes, taken+int(s.Dropped), s)
	}
}

// TestPatienceLooksAtTheQueue: a ctx may be anybody's, and what it does while it is asked
// must not find the queue locked.
func TestPatienceLooksAtTheQueue(t *testing.T) {
	var q *queue.Queue[int]
	q = queue.New(queue.Config[int]{Capacity: 1, Lanes: 1, Patience: func(context.Context) time.Duration {
		return time.Duration(q.Stats().Used)
	}})
	e := 1
	for i, want := range []error{nil, queue.ErrTimeout} {
		if err := q.Put(t.Context(), 0, &e, 0, 0); !errors.Is(err, want) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestTryReserve takes places in two queues at once, and none where that would take waiting, or
// a policy, or the queue has ended.
func TestTryReserve(t *testing.T) {
	queues := []*queue.Queue[int]{queue.New(config(1, queue.Block)), queue.New(config(1, queue.DropOldest))}
	slots := []*int{queues[0].TryReserve(0), queues[1].TryReserve(0)}
	if got := queues[0].TryReserve(0); got != nil {
		t.Error("a place in a queue that is locked")
	}
	for i, q := range queues {
		*slots[i] = 7
		q.Commit(0)
		if got := q.TryReserve(0); got != nil {
			t.Error("a place in a queue that is full")
		}
		if s := q.Stats(); s != (queue.Stats{Accepted: 1, Used: 1, Waiting: 1}) {
			t.Errorf("%+v", s)
		}
		if got := rest(q, 0); !slices.Equal(got, []int{7}) {
			t.Errorf("%v", got)
		}
		if got := q.TryReserve(0); got != nil {
			t.Error("a place in a queue that has ended")
		}
	}
}
