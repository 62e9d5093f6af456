//go:build linux || darwin

package unix

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// soon and late are how long it takes until a process is tried again, at first and at
	// most; a random part of that is left out.
	soon, late = 100 * time.Millisecond, 2 * time.Second
	// every is how often the directory and the connections are looked at.
	every = time.Second
	// silence is how long a peer may say nothing before it is asked, and stillness how long
	// before its connection is closed.
	silence, stillness = 2 * time.Second, 10 * time.Second
	// joining is how long the first look at the directory may take.
	joining = 3 * time.Second
)

// try says when a process is to be tried again.
type try struct {
	err    error // of the last time
	failed int
	next   time.Time
}

// watch looks after the directory and the connections until the transport is closed.
func (t *Transport) watch() {
	t.first()
	pulses := map[*conn]*pulse{}
	for beat := time.Now(); ; {
		wait := every
		if t.missing() {
			wait = soon
		}
		select {
		case <-time.After(wait):
		case <-t.look:
		case <-t.ctx.Done():
			return
		}
		t.scan()
		if time.Since(beat) >= every {
			beat = time.Now()
			t.relisten()
			t.feel(pulses)
		}
	}
}

// first connects to all who are there, and says that this has been tried.
func (t *Transport) first() {
	for end := time.Now().Add(joining); ; {
		t.scan().Wait()
		next := t.changed.next()
		if t.met() || time.Now().After(end) {
			break
		}
		select {
		case <-next:
		case <-time.After(soon / 4):
		case <-t.shut:
			close(t.joined)
			return
		}
	}
	close(t.joined)
	t.assess(nil)
	t.changed.tell()
}

// met reports whether all who are there are connected, or cannot be.
func (t *Transport) met() bool {
	names := t.sockets()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		p, x := t.peers[name], t.tries[name]
		if p != nil && p.settled() || x != nil && !errors.Is(x.err, errRefused) {
			continue
		}
		return false
	}
	return true
}

// missing reports whether a process whose connection was lost may come back.
func (t *Transport) missing() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.peers {
		if !p.settled() {
			return true
		}
	}
	return false
}

// scan calls all whose sockets are there and who are not connected.
func (t *Transport) scan() *sync.WaitGroup {
	var calls sync.WaitGroup
	names := t.sockets()
	for _, name := range t.lostFrom(names) {
		t.died(name)
	}
	for _, name := range names {
		if !t.mayCall(name) {
			continue
		}
		calls.Add(1)
		t.running.Go(func() {
			defer calls.Done()
			t.called(name, t.call(name))
		})
	}
	return &calls
}

// sockets are the names of those in the directory, this process's left out.
func (t *Transport) sockets() (names []string) {
	list, err := os.ReadDir(t.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.onError(err)
	}
	for _, e := range list {
		if name, ok := strings.CutSuffix(e.Name(), ".sock"); ok && name != t.name {
			names = append(names, name)
		}
	}
	return names
}

// grace is how long a process that does not answer is waited for.
const grace = 10 * time.Second

// lostFrom are those whose connection was lost and whose sockets are not there, or who have
// not come back in time.
func (t *Transport) lostFrom(names []string) (lost []string) {
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, p := range t.peers {
		p.mu.Lock()
		if p.conn == nil && (!there[name] && time.Since(p.lost) > soon || !p.lost.IsZero() && time.Since(p.lost) > grace) {
			lost = append(lost, name)
		}
		p.mu.Unlock()
	}
	return lost
}

// died is told of a process that has ended, or is taken for one that has.
func (t *Transport) died(name string) {
	t.mu.Lock()
	p := t.peers[name]
	if p != nil && p.connected() {
		p = nil
	}
	t.mu.Unlock()
	if p == nil {
		return
	}
	p.end()
	t.forget(p)
	t.assess(nil)
	t.changed.tell()
}

// mayCall reports whether a process is to be called now, and notes that it is.
func (t *Transport) mayCall(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.peers[name]
	if t.leaving || t.calling[name] || t.settling[name] || p != nil && p.connected() {
		return false
	}
	if x := t.tries[name]; x != nil && time.Now().Before(x.next) {
		return false
	}
	t.calling[name] = true
	return true
}

// called notes what has come of a call.
func (t *Transport) called(name string, err error) {
	t.note(err)
	t.mu.Lock()
	delete(t.calling, name)
	if err == nil {
		delete(t.tries, name)
	} else {
		x := t.tries[name]
		if x == nil {
			x = &try{}
			t.tries[name] = x
		}
		wait := min(soon<<min(x.failed, 10), late)
		x.err = err
		x.failed++
		x.next = time.Now().Add(wait - time.Duration(rand.Int64N(int64(wait/2))))
	}
	t.mu.Unlock()
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		t.died(name)
	}
}

// pulse is what was seen of a connection.
type pulse struct {
	heard uint64
	since time.Time
}

// feel asks peers that are silent whether they are there, and closes the connections of
// those that are for too long, or take nothing.
func (t *Transport) feel(pulses map[*conn]*pulse) {
	now := time.Now()
	seen := map[*conn]bool{}
	for _, c := range t.conns() {
		seen[c] = true
		x := pulses[c]
		if n := c.heard.Load(); x == nil || n != x.heard {
			pulses[c] = &pulse{heard: n, since: now}
			continue
		}
		switch still := now.Sub(x.since); {
		case still > stillness:
			_ = c.sock.Close()
		case still > silence:
			c.p.mu.Lock()
			if !c.closed {
				c.frame(framePing)
				c.stir()
			}
			c.p.mu.Unlock()
		}
	}
	for c := range pulses {
		if !seen[c] {
			delete(pulses, c)
		}
	}
}

// conns are the connections that there are.
func (t *Transport) conns() (all []*conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.peers {
		p.mu.Lock()
		if p.conn != nil {
			all = append(all, p.conn)
		}
		p.mu.Unlock()
	}
	return all
}
