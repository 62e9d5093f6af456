package bus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
)

// TestClosesThatWaitForOnePublish wait in a way that lets the time of a bubble go on.
func TestClosesThatWaitForOnePublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		sleep := func(context.Context, *bus.Event[order]) error {
			time.Sleep(time.Minute)
			return nil
		}
		first, second := subscribe(t, b, "a", sleep), subscribe(t, b, "a", sleep)
		p := publisher[order](t, b, "a")
		ended := make(chan error, 3)
		go func() { ended <- p.Publish(context.Background(), &order{1}) }()
		synctest.Wait()
		for _, s := range []*bus.Subscription{first, second} {
			go func() { ended <- s.Close(context.Background()) }()
		}
		start := time.Now()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("the second handler was called, or nobody waited: %v", took)
		}
	})
}
