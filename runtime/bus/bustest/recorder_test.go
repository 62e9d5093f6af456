package bustest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type paid struct{ cents int }
type sent struct{ to string }

// fake is a testing.TB that notes failures.
type fake struct {
	testing.TB
	said  string
	fatal bool
}

func (f *fake) Helper() {}
func (f *fake) Errorf(format string, args ...any) {
	f.said += fmt.Sprintf(format, args...)
}
func (f *fake) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.fatal = true
	panic(f)
}

// failing runs what is expected to fail.
func failing(t *testing.T, run func(testing.TB)) (f *fake) {
	f = &fake{TB: t}
	defer func() {
		if x := recover(); x != nil && x != any(f) {
			panic(x)
		}
	}()
	run(f)
	return f
}

func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		r, some := bustest.Record(t, b), bustest.Record(t, b, "emit.shop.sent", "state.#")
		pays, err := bus.NewPublisher[paid](b, "emit.shop.paid")
		if err != nil {
			t.Fatal(err)
		}
		sends, err := bus.NewPublisher[sent](b, "emit.shop.sent")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for i := range 3 {
				time.Sleep(time.Second)
				_ = pays.Publish(context.Background(), &paid{i})
				_ = sends.Publish(context.Background(), &sent{fmt.Sprint("x", i)})
			}
		}()
		if e := bustest.Next(t, r, func(p *paid) bool { return p.cents == 1 }); e.Topic() != "emit.shop.paid" {
			t.Error(e.Topic())
		}
		if e := bustest.Next[sent](t, r); e.Value().to != "x0" {
			t.Errorf("%+v: types are waited for on their own", e.Value())
		}
		if e := bustest.Next[paid](t, r); e.Value().cents != 2 {
			t.Errorf("%+v does not come after 1", e.Value())
		}
		bustest.None[paid](t, r, time.Hour)
		if n := len(some.All()); n != 3 || len(r.All()) != 6 {
			t.Errorf("by patterns %d were heard, and %d in all", n, len(r.All()))
		}
		f := failing(t, func(tb testing.TB) { bustest.Next[paid](tb, r) })
		if !f.fatal || !strings.Contains(f.said, "bustest_test.paid") || !strings.Contains(f.said, "emit.shop.sent {to:x2}") {
			t.Errorf("it failed with %q", f.said)
		}
		if f = failing(t, func(tb testing.TB) { bustest.None[sent](tb, r, 0) }); f.fatal || !strings.Contains(f.said, "{to:x1}") {
			t.Errorf("it failed with %q", f.said)
		}
	})
}
