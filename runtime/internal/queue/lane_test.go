package queue_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/queue"
)

// TestLanesGrow puts and takes at random, so that rings grow while their items go over the end,
// beside slices that do the same. The oldest of all lanes is dropped.
func TestLanesGrow(t *testing.T) {
	const capacity, lanes = 100, 3
	r := rand.New(rand.NewPCG(1, 2))
	q := queue.New(queue.Config[int]{Capacity: capacity, Policy: queue.DropOldest, Lanes: lanes})
	var consumers [lanes]*queue.Consumer[int]
	for i := range consumers {
		consumers[i] = q.Consumer(i)
	}
	var model [lanes][]int
	want, buf := queue.Stats{}, make([]int, 5)
	for i := range 5000 {
		if lane := r.IntN(lanes); r.IntN(20) > i/1000*4 { // puts get fewer
			if err := q.Put(t.Context(), lane, &i, 0, 0); err != nil {
				t.Fatal(err)
			}
			if want.Used == capacity {
				dropOldest(&model)
				want.Used--
				want.Dropped++
			}
			model[lane] = append(model[lane], i)
			want.Accepted++
			want.Used++
		} else {
			n := consumers[lane].Poll(buf)
			if !slices.Equal(buf[:n], model[lane][:min(len(buf), len(model[lane]))]) {
				t.Fatalf("%d: %v, but %v was there", i, buf[:n], model[lane])
			}
			model[lane] = model[lane][n:]
			consumers[lane].Settle(n, 0)
			want.Used -= n
			want.Settled += uint64(n)
		}
		want.Waiting = want.Used
		if got := q.Stats(); got != want {
			t.Fatalf("%d: %+v, want %+v", i, got, want)
		}
	}
	if want.Dropped == 0 {
		t.Error("the queue was never full")
	}
}

// dropOldest removes the smallest number: they are put in order.
func dropOldest(lanes *[3][]int) {
	var oldest *[]int
	for i := range lanes {
		if l := &lanes[i]; len(*l) > 0 && (oldest == nil || (*l)[0] < (*oldest)[0]) {
			oldest = l
		}
	}
	*oldest = (*oldest)[1:]
}

// TestIdleConsumers has three consumers wait for the same lane. One that gives up, be it the
// first, the middle or the last one that has come, is not called any more, and the others are.
func TestIdleConsumers(t *testing.T) {
	for patience := range 3 {
		synctest.Test(t, func(t *testing.T) {
			q := queue.New(config(10, queue.Block))
			got := make(chan int, 3)
			for i := range 3 {
				until := time.Now().Add(time.Hour)
				if i == patience {
					until = time.Now().Add(time.Second)
				}
				c := q.Consumer(0)
				go func() {
					n, _ := c.Take(make([]int, 1), until)
					got <- n
				}()
				synctest.Wait()
			}
			if n := <-got; n != 0 {
				t.Errorf("%d items of an empty queue", n)
			}
			if err := put(t, q, 1, 2); err != nil {
				t.Fatal(err)
			}
			if n := <-got + <-got; n != 2 {
				t.Errorf("%d has given up: %d of 2 items were taken", patience, n)
			}
		})
	}
}
