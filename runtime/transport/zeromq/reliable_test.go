//go:build linux || darwin

package zeromq_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReceiverKilled kills the receiver at random moments, with more than a thousand
// messages in flight, and starts it again: everything that was accepted is handled.
// XSGEN_KILLS says how often, XSGEN_AWAY for how many seconds it is away at most.
func TestReceiverKilled(t *testing.T) {
	kills, away := setting(t, "XSGEN_KILLS", 4), setting(t, "XSGEN_AWAY", 0)
	dir := shortDir(t)
	book := filepath.Join(dir, "ledger")
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir, Queues: []transport.Queue{jobs}, OnError: func(error) {}})
	stop := make(chan struct{})
	var all sync.WaitGroup
	published := map[string]bool{}
	most := 0
	all.Go(func() {
		var pending []transport.Pending
		for i := 0; ; i++ {
			select {
			case <-stop:
				for _, p := range pending {
					if err := p.Wait(t.Context()); err != nil {
						t.Error(err)
					}
				}
				return
			default:
			}
			p, err := web.Begin(t.Context(), job(fmt.Sprint("job-", i)))
			if err != nil {
				t.Error(err)
				return
			}
			published[fmt.Sprint("job-", i)] = true
			pending = append(pending, p)
			most = max(most, web.Kept())
		}
	})
	for range kills {
		p := start(t, "receiver", dir, book)
		eventually(t, "a thousand were in flight", func() bool { return web.Kept() >= 1000 })
		time.Sleep(rand.N(50 * time.Millisecond))
		p.kill()
		time.Sleep(100*time.Millisecond + rand.N(time.Duration(away)*time.Second+1))
	}
	start(t, "receiver", dir, book)
	close(stop)
	all.Wait()
	compare(t, published, book)
	if most < 1000 {
		t.Errorf("at most %d were in flight", most)
	}
}

// compare waits until the ledger has all ids, and has no others.
func compare(t *testing.T, want map[string]bool, book string) {
	t.Helper()
	var got map[string]int
	missing := func() (n int) {
		got = ledger(t, book)
		for id := range want {
			if got[id] == 0 {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(60 * time.Second); missing() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("of %d ids %d are missing", len(want), missing())
		}
	}
	again := 0
	for id, n := range got {
		if !want[id] {
			t.Errorf("%s was handled, and never published", id)
		}
		again += n - 1
	}
	t.Logf("%d were handled, %d of them again after a kill", len(got), again)
}

// TestPublisherKilled kills the publisher at random moments: what it knew to be accepted is
// handled, and nothing twice.
func TestPublisherKilled(t *testing.T) {
	dir := shortDir(t)
	book := filepath.Join(dir, "accepted")
	depot := openNode(t, zeromq.Config{Node: "depot", Dir: dir, OnError: func(error) {}})
	var mu sync.Mutex
	handled := map[string]int{}
	_, err := depot.Subscribe(t.Context(), transport.SubscribeRequest{
		Name: jobs.Name, Patterns: jobs.Patterns, Profile: jobs.Profile,
		Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			handled[d.ID]++
			return nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range setting(t, "XSGEN_KILLS", 4) {
		before := size(book)
		p := start(t, "publisher", dir, book)
		eventually(t, "a thousand more were accepted", func() bool { return size(book) > before+1000*int64(len("1234567-1234\n")) })
		time.Sleep(rand.N(50 * time.Millisecond))
		p.kill()
	}
	accepted := ledger(t, book)
	eventually(t, "all that was accepted is handled", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for id := range accepted {
			if handled[id] == 0 {
				return false
			}
		}
		return true
	})
	mu.Lock()
	defer mu.Unlock()
	for id, n := range handled {
		if n != 1 {
			t.Errorf("%s was handled %d times", id, n)
		}
	}
	t.Logf("%d were accepted, %d handled", len(accepted), len(handled))
}

// size is how long a file is.
func size(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// TestRestarted has the receiver be away for some time; XSGEN_AWAY is how many seconds.
func TestRestarted(t *testing.T) {
	for _, away := range []time.Duration{100 * time.Millisecond, time.Duration(setting(t, "XSGEN_AWAY", 4)) * time.Second} {
		dir := shortDir(t)
		book := filepath.Join(dir, "ledger")
		web := openNode(t, zeromq.Config{Node: "web", Dir: dir, Queues: []transport.Queue{jobs}, OnError: func(error) {}})
		p := start(t, "receiver", dir, book)
		want := map[string]bool{}
		publish := func(n int) {
			for range n {
				id := fmt.Sprint("job-", len(want))
				if err := transport.Publish(t.Context(), web, job(id)); err != nil {
					t.Fatal(err)
				}
				want[id] = true
			}
		}
		publish(100)
		p.kill()
		publish(500) // it is not there, and they are kept
		time.Sleep(away)
		start(t, "receiver", dir, book)
		publish(100)
		compare(t, want, book)
	}
}

// TestSameProcessGoesOn breaks connections under a stream of messages: nothing is lost and
// nothing comes twice, without any acknowledgement by the handler.
func TestSameProcessGoesOn(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	depot := openNode(t, zeromq.Config{Node: "depot", Dir: dir})
	var mu sync.Mutex
	var got []string
	_, err := depot.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: jobs.Patterns, Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, d.ID)
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	for i := range n {
		if _, err := web.Begin(t.Context(), job(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 500 {
			web.Cut()
		}
	}
	eventually(t, "all came", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) >= n
	})
	mu.Lock()
	defer mu.Unlock()
	for i, id := range got {
		if id != fmt.Sprint(i) {
			t.Fatalf("%s came in place of %d", id, i)
		}
	}
}
