package bustest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/bus/bustest"
	"github.com/xsgen/xsgen/runtime/topic"
)

var paidOf = topic.MustFamily("emit.shop", "paid")

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		r := bustest.Record(t, b)
		all, others := bustest.NewStream[paid](t, r), bustest.NewStream[sent](t, r)
		go func() {
			for i := range 4 {
				time.Sleep(time.Second)
				bustest.PublishKeyed(t, b, paidOf, []string{"ann", "bob"}[i%2], &paid{i})
			}
		}()
		if e := all.Of("bob").Next(); e.Value().cents != 1 || e.Key() != "bob" {
			t.Errorf("%s: %+v", e.Key(), e.Value())
		}
		all.Of("bob").None(time.Second)
		if e := all.Of("bob").Next(); e.Value().cents != 3 {
			t.Errorf("%+v: it does not go on where it was", e.Value())
		}
		if e := all.Next(func(p *paid) bool { return p.cents > 0 }); e.Value().cents != 1 {
			t.Errorf("%+v: each stream goes on its own", e.Value())
		}
		if n, m := len(all.All()), len(all.Of("ann").All()); n != 4 || m != 2 {
			t.Errorf("%d in all, %d of ann", n, m)
		}
		others.None(time.Hour)
	})
}

func TestStreamFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		r := bustest.Record(t, b)
		f := failing(t, func(tb testing.TB) { bustest.NewStream[paid](tb, r).Next() })
		if !f.fatal || !strings.Contains(f.said, "no bustest_test.paid came that was expected; what was heard:\nnothing") {
			t.Errorf("it failed with %q", f.said)
		}
		bustest.PublishKeyed(t, b, paidOf, "ann", &paid{5})
		f = failing(t, func(tb testing.TB) { bustest.NewStream[paid](tb, r).Of("bob").Next() })
		if !f.fatal || !strings.Contains(f.said, "no bustest_test.paid of the key bob came") || !strings.Contains(f.said, "emit.shop.ann.paid {cents:5}") {
			t.Errorf("it failed with %q", f.said)
		}
		f = failing(t, func(tb testing.TB) { bustest.NewStream[paid](tb, r).None(0) })
		if f.fatal || !strings.Contains(f.said, "emit.shop.ann.paid was published: {cents:5}") {
			t.Errorf("it failed with %q", f.said)
		}
	})
}

// TestPublish publishes without a machine, and says what a direct handler said.
func TestPublish(t *testing.T) {
	b := bus.New()
	r := bustest.Record(t, b)
	bustest.Publish(t, b, "emit.shop.sent", &sent{"x"})
	if e := bustest.Next[sent](t, r); e.Topic() != "emit.shop.sent" {
		t.Error(e.Topic())
	}
	if _, err := bus.Subscribe(b, "emit.shop.#", func(context.Context, *bus.Event[paid]) error { return context.Canceled }); err != nil {
		t.Fatal(err)
	}
	f := failing(t, func(tb testing.TB) { bustest.PublishKeyed(tb, b, paidOf, "ann", &paid{}) })
	if !f.fatal || !strings.HasPrefix(f.said, "publishing emit.shop.<key>.paid of the key ann: ") || !strings.Contains(f.said, "canceled") {
		t.Errorf("it failed with %q", f.said)
	}
	f = failing(t, func(tb testing.TB) { bustest.Publish(tb, b, "no topic", &sent{}) })
	if !f.fatal || !strings.HasPrefix(f.said, "publishing no topic: ") {
		t.Errorf("it failed with %q", f.said)
	}
}
