package zeromq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// inlet is how this node hears what another one publishes: it connects to its socket, again
// and again, and says what it wants to hear. It outlives its connections.
type inlet struct {
	t       *Transport
	addr    string
	known   bool // it is in the configuration, and looked for for ever
	ctx     context.Context
	cancel  context.CancelFunc
	kick    chan struct{} // told that the peer is there
	tried   chan struct{} // closed when the first attempt is over
	trying  sync.Once
	late    *time.Timer // is attempted when joinTimeout is over
	batch   batch
	pending acks

	mu      sync.Mutex
	peer    string                     // its node, once it has said so
	epoch   string                     // of its process
	taken   uint64                     // the last number that has come
	said    uint64                     // of it, that the peer was told
	sources map[uint64]*origin         // by the number of a line of this node
	dirty   []*origin                  // with something that the peer was not told
	link    *link                      // nil while there is no connection
	delay   *time.Timer                // calls overdue
	delayed bool                       // and will
	welcome bool                       // the peer has answered hello
	lost    bool                       // there was a connection, and it is not known that the peer has gone
	asked   map[uint64][]chan struct{} // who waits for the peer to know of a line
	replies []byte                     // what is written next
	sync    uint64                     // the latest question for acks of the peer; 0 for none
}

// wake has the writer look; in.mu is held.
func (in *inlet) wake() {
	if in.link != nil {
		in.link.wake()
	}
}

// run connects for ever. It is the inlet's goroutine.
func (in *inlet) run() {
	defer in.t.forgetInlet(in)
	defer in.cancel()
	defer in.late.Stop()
	wait := firstBackoff
	for in.ctx.Err() == nil {
		worked, err := in.connect()
		in.attempted()
		if in.over(err) {
			return
		}
		if worked {
			wait = firstBackoff
		}
		in.t.refresh(err)
		select {
		case <-in.ctx.Done():
		case <-in.kick:
			wait = firstBackoff
		case <-time.After(wait/2 + rand.N(wait)):
			wait = min(2*wait, lastBackoff)
		}
	}
}

// attempted says that the state does not wait for this peer any more.
func (in *inlet) attempted() {
	in.trying.Do(func() { close(in.tried) })
	in.t.refresh(nil)
}

// over reports whether nobody needs to connect again: the peer has said that it closes, or
// it was found in the directory and is there no more.
func (in *inlet) over(err error) bool {
	gone := errors.Is(err, errBye) || errors.Is(err, errTwice) || refused(err)
	if gone && !errors.Is(err, errTwice) {
		in.t.died(in)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if errors.Is(err, errBye) || gone && !in.known {
		in.lost = false
	}
	return gone && !in.known
}

// refused reports whether nobody listens at an address.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// errTwice is the end of a connection to a node to which there is another one.
var errTwice = errors.New("zeromq: there is another connection to this node")

// connect serves one connection; worked reports whether the peer has welcomed it.
func (in *inlet) connect() (worked bool, err error) {
	c, err := dial(in.ctx, in.addr)
	if err != nil {
		return false, err
	}
	defer c.Close()
	if err := in.t.vet(c); err != nil {
		return false, err
	}
	stop := context.AfterFunc(in.ctx, func() { _ = c.Close() })
	defer stop()
	peer, r, err := zmtp.Shake(c, zmtp.Config{
		Type: zmtp.Dealer, Identity: []byte(in.t.id), Limits: in.t.limits(), Timeout: handshakeTimeout,
	})
	if err != nil {
		return false, err
	}
	if peer.Type != zmtp.Router {
		return false, fmt.Errorf("%w: at %s is a %s, and no node", zmtp.ErrRefused, in.addr, peer.Type)
	}
	l := newLink(c, peer, r)
	if err := in.begin(l); err != nil {
		return false, err
	}
	in.t.running.Go(func() { in.t.keepAlive(l) })
	l.start(in)
	err = in.t.readers.Serve(func(r *local.Reader) (error, bool) { return in.serve(l, r) }, in.tellTaken)
	in.flush() // or what has come would come again
	l.close()
	<-l.ended
	return in.end(), err
}

// begin says hello.
func (in *inlet) begin(l *link) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	h := hello{version: version, node: in.t.id, epoch: in.t.epoch, address: in.t.address(in.addr), of: in.epoch, taken: in.taken, queues: in.t.announcements()}
	for _, s := range in.sources {
		h.outstanding = append(h.outstanding, s.open...)
		s.news, s.dirty = s.news[:0], false // the peer hears of it by what is not outstanding
	}
	in.dirty = in.dirty[:0]
	b, err := h.append(nil)
	if err != nil {
		return err
	}
	in.link, in.sync = l, 0
	l.control(wordHello, b)
	return nil
}

// end says that the connection is over; it reports whether it was welcomed.
func (in *inlet) end() (worked bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	worked = in.welcome
	in.link, in.welcome = nil, false
	in.lost = in.lost || worked
	in.answer(nil)
	return worked
}

// answer tells those who wait for the peer to know of lines: of some, or of all. in.mu is
// held.
func (in *inlet) answer(ids []uint64) {
	for id, list := range in.asked {
		if ids != nil && !slices.Contains(ids, id) {
			continue
		}
		for _, ch := range list {
			close(ch)
		}
		delete(in.asked, id)
	}
}

// ask has the peer know of a line, and returns what is closed when it does; nil if there is
// no connection, or the line has gone: then there is nothing to wait for.
func (in *inlet) ask(a *announcement) <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.link == nil {
		return nil
	}
	b, err := a.append(nil)
	if err != nil {
		return nil // patterns and names were checked
	}
	ch := make(chan struct{})
	in.asked[a.id] = append(in.asked[a.id], ch)
	in.replies = zmtp.AppendMessage(in.replies, []byte(wordSubscribe), b)
	in.link.wake()
	return ch
}

// drop has the peer send nothing more for a line.
func (in *inlet) drop(id uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if o := in.sources[id]; o != nil {
		o.removed = true
		o.mark()
	}
	if in.link != nil {
		in.replies = zmtp.AppendMessage(in.replies, []byte(wordUnsubscribe), appendNumbers(nil, id))
		in.link.wake()
	}
}

// reply sends the answer to a request.
func (in *inlet) reply(p *packet) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.replies = zmtp.AppendFrame(in.replies, []byte(wordReply), true)
	in.replies = p.appendPlain(in.replies)
	in.wake()
}

// dial connects to an address.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	network, where, err := parseAddress(addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: handshakeTimeout}
	return d.DialContext(ctx, network, where)
}

// vet looks at whose process listens where the inlet has connected to: in a directory that
// several users share, anybody may have been quicker to make a socket of a node's name.
func (t *Transport) vet(c net.Conn) error {
	sock, local := c.(*net.UnixConn)
	if !local {
		return nil
	}
	err := t.access.Vet(sock)
	if err != nil {
		err = fmt.Errorf("zeromq: %w", err)
		t.onError(err)
	}
	return err
}

// serve reads what the publisher says, until the connection ends, or it is another goroutine's
// turn to read.
func (in *inlet) serve(l *link, r *local.Reader) (err error, mine bool) {
	for {
		m, err := l.read()
		if err != nil {
			return err, true
		}
		switch {
		case m.Command != "":
		case isControl(m):
			err = in.control(m.Frames)
		default:
			err = in.message(m.Frames)
		}
		if err != nil {
			return err, true
		}
		if pause := l.r.Buffered() == 0; (pause || in.batch.queued.Len() >= together) && !in.deliver(r, pause) {
			return nil, false
		}
	}
}

// control takes what is no message.
func (in *inlet) control(frames [][]byte) error {
	switch word := string(frames[0]); {
	case word == wordBye:
		return errBye
	case len(frames) != 2:
		return fmt.Errorf("%w: %.20q with %d frames", transport.ErrDecode, word, len(frames))
	case word == wordWelcome:
		return in.welcomed(frames[1])
	case word == wordSubscribed:
		id, err := readNumbers(frames[1], 1)
		if err != nil {
			return err
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.answer(id)
	case word == wordSync:
		n, err := readNumbers(frames[1], 1)
		if err != nil {
			return err
		}
		in.flush()
		in.mu.Lock()
		defer in.mu.Unlock()
		in.sync = n[0]
		in.wake()
	case word == wordLost:
		n, err := readNumbers(frames[1], 2)
		if err != nil {
			return err
		}
		if l := in.t.line(n[0]); l != nil {
			l.Lost(n[1])
		}
	}
	return nil // what is not known comes from a later version
}

// welcomed takes the answer to hello.
func (in *inlet) welcomed(b []byte) error {
	w, err := readWelcome(b)
	if err != nil {
		return err
	}
	if w.node == in.t.id || !in.t.claim(in, w.node) {
		return errTwice
	}
	in.mu.Lock()
	gap := in.epoch == w.epoch && !w.resumed && w.next > in.taken+1
	if in.epoch != w.epoch || !w.resumed {
		in.sources = map[uint64]*origin{}
		in.taken, in.dirty = w.next-1, nil
	}
	in.said, in.batch.last = in.taken, in.taken
	in.peer, in.epoch, in.welcome, in.lost = w.node, w.epoch, true, false
	in.mu.Unlock()
	if gap {
		in.t.missed(transport.Gap{})
	}
	in.t.refresh(nil)
	return nil
}

func newInlet(t *Transport, addr string, known bool) *inlet {
	in := &inlet{
		t: t, addr: addr, known: known, kick: make(chan struct{}, 1), tried: make(chan struct{}),
		sources: map[uint64]*origin{}, asked: map[uint64][]chan struct{}{},
	}
	in.ctx, in.cancel = context.WithCancel(t.ctx)
	in.late = time.AfterFunc(joinTimeout, in.attempted)
	return in
}
