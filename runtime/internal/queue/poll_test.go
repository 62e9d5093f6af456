package queue_test

import (
	"slices"
	"testing"

	"github.com/xsgen/xsgen/runtime/internal/queue"
)

func TestPoll(t *testing.T) {
	q := queue.New(config(3, queue.Block))
	c, buf := q.Consumer(0), make([]int, 2)
	if n := c.Poll(buf); n != 0 {
		t.Errorf("%d from an empty queue", n)
	}
	if err := put(t, q, 1, 2, 3); err != nil {
		t.Fatal(err)
	}
	if n := c.Poll(buf); n != 2 || !slices.Equal(buf, []int{1, 2}) {
		t.Errorf("%v", buf[:n])
	}
	if s := q.Stats(); s != (queue.Stats{Accepted: 3, Used: 3, Waiting: 1}) {
		t.Errorf("%+v", s)
	}
	c.Settle(2, 0)
	if s := q.Stats(); s.Used != 1 {
		t.Errorf("%+v", s)
	}
}

// TestDroppedIsTold has every policy that drops tell what it has dropped.
func TestDroppedIsTold(t *testing.T) {
	for _, tt := range []struct {
		policy queue.Policy
		want   []int
	}{{queue.DropOldest, []int{1, 2, 3}}, {queue.DropNewest, []int{3, 4, 5}}} {
		var dropped []int
		q := queue.New(queue.Config[int]{Capacity: 2, Policy: tt.policy, Lanes: 1, Dropped: func(i *int) { dropped = append(dropped, *i) }})
		if err := put(t, q, 1, 2, 3); err != nil {
			t.Fatal(err)
		}
		if n, err := q.PutAll(t.Context(), 0, []int{4, 5}, 0); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if !slices.Equal(dropped, tt.want) {
			t.Errorf("policy %d: %v were dropped, not %v", tt.policy, dropped, tt.want)
		}
	}
}
