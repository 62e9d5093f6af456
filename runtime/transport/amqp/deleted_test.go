package amqp_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// TestRetryQueueDeleted has somebody delete the queue for retries while nothing is in it: it is
// declared anew, and what fails afterwards is tried again.
func TestRetryQueueDeleted(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	c := l.raw()
	leaksNothing(t)
	r := newTraffic(t, l, 4)
	r.more(50)
	close(r.stop)
	r.writing.Wait()
	r.settle()
	if n := l.waits(c, ".reader.jobs.retry.1"); n != 0 {
		t.Fatalf("%d messages wait for their next attempt, or there is no such queue", n)
	}
	l.remove(l.prefix + ".reader.jobs.retry.1")
	r.stop = make(chan struct{})
	for _, p := range []transport.Profile{{}, {Durable: transport.Durable, Confirm: transport.On}} {
		r.writing.Go(func() { r.write(&p) })
	}
	r.more(50)
	r.end()
	if n := l.waits(c, ".reader.jobs.retry.1"); n != 0 {
		t.Errorf("%d messages wait for their next attempt, or there is no such queue", n)
	}
}

// TestPartitionDeleted has somebody delete the queue of a sticky group's partition, and then that of
// the group: they are declared anew, the subscriber is told, and what is sent at once is handled.
func TestPartitionDeleted(t *testing.T) {
	const keys = 40
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	writer, member := l.node("writer"), l.node("a")
	s := &sharing{seen: map[string][]int{}, owner: map[string]string{}}
	var gaps atomic.Int32
	req := s.request("a")
	req.OnGap = func(transport.Gap) { gaps.Add(1) }
	sub, err := member.Subscribe(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	s.round(t, writer, keys, 1)
	l.remove(l.prefix + ".group.workers." + strconv.Itoa(amqp.PartitionOf("k0")))
	s.round(t, writer, keys, 2)
	until(t, func() bool { return gaps.Load() > 0 }, "the subscriber is told")
	told := gaps.Load()
	l.remove(l.prefix + ".group.workers")
	until(t, func() bool { return gaps.Load() > told }, "the subscriber is told of the group's queue")
	if err := member.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	s.round(t, writer, keys, 3)
	if st := sub.Stats(); st.Dead+st.Dropped > 0 || st.Balance() != 0 {
		t.Errorf("%+v", st)
	}
	shut(t, writer, member)
	dropGroup(t, l)
}
