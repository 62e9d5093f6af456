package local

import (
	"sync"
	"sync/atomic"
	"time"
)

// A connection is read by one goroutine at a time, whose turn it is. It calls a receiver that is
// brisk itself. Meanwhile nobody reads: if the receiver does not return at once, or
// waits for something that may have to be read, another goroutine takes the turn, and the
// first one ends when the receiver has returned.

// look is how often is looked after receivers that readers call: one that takes longer has
// somebody else read before it has been called for twice that.
const look = 20 * time.Millisecond

// patience is how many looks in a row may find nobody before nobody looks any more.
const patience = 5

// Readers are those who read a transport's connections. Make them with NewReaders.
type Readers struct {
	start    func(func())
	closed   <-chan struct{}
	calls    atomic.Int32 // of receivers by readers, that are under way and were not relieved
	attended atomic.Bool  // somebody looks after them

	mu  sync.Mutex
	all map[*Reader]struct{}
}

// NewReaders returns Readers without connections. start starts goroutines that the transport
// waits for, and closed is closed when it does.
func NewReaders(start func(func()), closed <-chan struct{}) *Readers {
	return &Readers{start: start, closed: closed, all: map[*Reader]struct{}{}}
}

// Reader is who reads a connection.
type Reader struct {
	rs   *Readers
	turn atomic.Uint64 // that is under way; odd while a receiver is called
	read func(*Reader) (err error, mine bool)
	left func()
	over chan error // why the connection has ended
}

// Serve has goroutines read a connection until it ends, and returns why. read reads, calls
// receivers by Call, and returns false as soon as that does, or the error with which the
// connection ends. left is called where another goroutine goes on instead of one whose receiver
// has not returned.
func (rs *Readers) Serve(read func(*Reader) (err error, mine bool), left func()) error {
	r := &Reader{rs: rs, read: read, left: left, over: make(chan error, 1)}
	rs.mu.Lock()
	rs.all[r] = struct{}{}
	rs.mu.Unlock()
	defer func() {
		rs.mu.Lock()
		defer rs.mu.Unlock()
		delete(rs.all, r)
	}()
	rs.start(r.run)
	return <-r.over
}

// run reads while it is its turn; who sees the end of the connection says why.
func (r *Reader) run() {
	if err, mine := r.read(r); mine {
		r.over <- err
	}
}

// Call calls a receiver that Claim or Rest has returned, and reports whether it is still this
// goroutine's turn to read. A receiver that ends the goroutine has another one read.
func (r *Reader) Call(m *Member) (mine bool) {
	returned := false
	turn := r.turn.Load() + 1 // odd: a receiver is called
	r.turn.Store(turn)
	r.rs.calls.Add(1)
	r.rs.attend()
	defer func() {
		if mine = r.yield(turn); mine && !returned {
			r.goOn()
		}
	}()
	m.Call()
	returned = true
	return false // it is set when it is known
}

// yield ends a turn in which a receiver is called, and reports whether it was not over yet.
func (r *Reader) yield(turn uint64) bool {
	if turn%2 == 0 || !r.turn.CompareAndSwap(turn, turn+1) {
		return false
	}
	r.rs.calls.Add(-1)
	return true
}

// goOn has another goroutine read.
func (r *Reader) goOn() {
	r.left()
	r.rs.start(r.run)
}

// relieve has another goroutine read, if the one whose turn it is still calls a receiver in
// the turn that is given.
func (r *Reader) relieve(turn uint64) {
	if r.yield(turn) {
		r.goOn()
	}
}

// Relieve has others read wherever a receiver is called: the caller, who may be one, is about
// to wait for what may have to be read.
func (rs *Readers) Relieve() {
	if rs.calls.Load() == 0 {
		return
	}
	for _, r := range rs.list() {
		r.relieve(r.turn.Load())
	}
}

func (rs *Readers) list() []*Reader {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	list := make([]*Reader, 0, len(rs.all))
	for r := range rs.all {
		list = append(list, r)
	}
	return list
}

// Calls is how often those who read the connections that there are have called receivers.
func (rs *Readers) Calls() (n uint64) {
	for _, r := range rs.list() {
		n += r.turn.Load() / 2
	}
	return n
}

// attend has somebody look after receivers that are called by readers.
func (rs *Readers) attend() {
	if !rs.attended.Load() && rs.attended.CompareAndSwap(false, true) {
		rs.start(rs.lookAfter)
	}
}

// lookAfter relieves readers whose receivers take long. It ends when there have been none for
// a while.
func (rs *Readers) lookAfter() {
	tick := time.NewTicker(look)
	defer tick.Stop()
	seen := map[*Reader]uint64{}
	for idle := 0; idle < patience; idle++ {
		select {
		case <-tick.C:
		case <-rs.closed:
			return
		}
		now := map[*Reader]uint64{}
		for _, r := range rs.list() {
			turn := r.turn.Load()
			if before, known := seen[r]; known && before == turn {
				r.relieve(turn)
			} else {
				idle = 0
			}
			now[r] = turn
		}
		seen = now
	}
	rs.attended.Store(false)
	if rs.calls.Load() > 0 { // one has begun that has found somebody here
		rs.attend()
	}
}
