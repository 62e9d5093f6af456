package zeromq

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// highWater is how many messages wait for a program with a plain socket, as in libzmq.
const highWater = 1000

// plainPrefix begins what a request of a program with a plain socket has for ReplyTo. No
// node's name begins with it.
const plainPrefix = "@"

// plainPeers are programs that are connected with plain sockets. The zero value has none.
type plainPeers struct {
	subs    atomic.Pointer[[]*plainSub]
	dropped atomic.Uint64 // for SUB sockets, whose queues were full

	mu     sync.Mutex
	askers map[string]*line
	next   uint64
	groups map[string]*pullers
}

// line is what waits for one program, in order.
type line struct {
	*link

	mu      sync.Mutex
	packets []*packet
	ended   bool
	asked   bool // it is a REQ or DEALER that sends an empty frame first
	room    func()
}

// put has a message be sent, if there is room.
func (l *line) put(p *packet) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || len(l.packets) >= highWater {
		return false
	}
	p.retain()
	l.packets = append(l.packets, p)
	if len(l.packets) == 1 {
		l.wake()
	}
	return true
}

// fill implements source.
func (l *line) fill(b []byte, most int) []byte {
	l.mu.Lock()
	n := 0
	for _, p := range l.packets {
		if len(b) >= most {
			break
		}
		if l.asked {
			b = zmtp.AppendFrame(b, nil, true)
		}
		b = p.appendPlain(b)
		p.release()
		n++
	}
	l.packets = slices.Delete(l.packets, 0, n)
	room := l.room
	l.mu.Unlock()
	if n > 0 && room != nil {
		room()
	}
	return b
}

// finish lets go of what was not sent, and returns it.
func (l *line) finish() []*packet {
	l.close()
	<-l.link.ended
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	rest := l.packets
	l.packets = nil
	return rest
}

// plainSub is a SUB socket. It hears what this process publishes on topics that begin
// with what it has subscribed to. What finds its queue full is dropped.
type plainSub struct {
	*line
	prefixes atomic.Pointer[[]string]
	dropped  *atomic.Uint64 // by all of them
}

func (s *plainSub) put(p *packet) {
	if !s.line.put(p) {
		s.dropped.Add(1)
	}
}

func (s *plainSub) wants(name topic.Name) bool {
	for _, p := range *s.prefixes.Load() {
		if strings.HasPrefix(string(name), p) {
			return true
		}
	}
	return false
}

// hearing are the SUB sockets that want a topic.
func (pp *plainPeers) hearing(name topic.Name) []*plainSub {
	all := pp.subs.Load()
	if all == nil {
		return nil
	}
	var list []*plainSub
	for _, s := range *all {
		if s.wants(name) {
			list = append(list, s)
		}
	}
	return list
}

// change replaces the list of SUB sockets.
func (pp *plainPeers) change(edit func([]*plainSub) []*plainSub) {
	pp.mu.Lock()
	defer pp.mu.Unlock()
	var list []*plainSub
	if old := pp.subs.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = edit(list)
	if len(list) == 0 {
		pp.subs.Store(nil)
		return
	}
	pp.subs.Store(&list)
}

// servePlainSub serves a SUB socket.
func (t *Transport) servePlainSub(l *link) error {
	s := &plainSub{line: &line{link: l}, dropped: &t.plain.dropped}
	s.prefixes.Store(&[]string{})
	l.start(s.line)
	t.plain.change(func(list []*plainSub) []*plainSub { return append(list, s) })
	defer func() {
		t.plain.change(func(list []*plainSub) []*plainSub {
			return slices.DeleteFunc(list, func(x *plainSub) bool { return x == s })
		})
		drop(s.finish())
	}()
	for {
		m, err := l.read()
		if err != nil {
			return err
		}
		s.subscribe(m)
	}
}

// maxPrefixes is how many prefixes a SUB socket may subscribe to.
const maxPrefixes = 10_000

// subscribe takes a subscription, as a command of ZMTP 3.1 or a message of 3.0.
func (s *plainSub) subscribe(m zmtp.Message) {
	word, prefix := m.Command, string(m.Data)
	if word == "" && len(m.Frames) == 1 && len(m.Frames[0]) > 0 {
		word = map[byte]string{0: zmtp.Cancel, 1: zmtp.Subscribe}[m.Frames[0][0]]
		prefix = string(m.Frames[0][1:])
	}
	list := slices.Clone(*s.prefixes.Load())
	switch at := slices.Index(list, prefix); {
	case word == zmtp.Subscribe && len(list) < maxPrefixes:
		list = append(list, prefix) // as often as it is cancelled
	case word == zmtp.Cancel && at >= 0:
		list = slices.Delete(list, at, at+1)
	}
	s.prefixes.Store(&list)
}

func drop(list []*packet) {
	for _, p := range list {
		p.release()
	}
}

// servePlainPush serves a PUSH socket: what it sends goes to the subscriptions of this
// process, and waits for room there.
func (t *Transport) servePlainPush(l *link) error {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	l.start(&line{link: l})
	defer func() { l.close(); <-l.ended }()
	var known names
	for {
		m, err := l.read()
		if err != nil {
			return err
		}
		if err := t.inject(ctx, &known, m.Frames, ""); err != nil {
			return err
		}
	}
}

// inject publishes a message of a program with a plain socket to this process. What cannot
// be read is told, and nothing more.
func (t *Transport) inject(ctx context.Context, known *names, frames [][]byte, from string) error {
	m, err := t.plainMessage(known, frames)
	if err != nil {
		t.onError(err)
		return nil
	}
	if m.ID == "" {
		m.ID = t.newID()
	}
	if m.ReplyTo = from; from != "" && m.Correlation == "" {
		m.Correlation = m.ID
	}
	taken := false
	var p *local.Parcel
	for _, tg := range t.routes.index.Match(m.Topic) {
		if tg.line == nil || !tg.line.Wants(&m) {
			continue
		}
		if p == nil {
			p = local.Pack(&m, false)
			defer p.Release()
		}
		put, err := tg.line.Put(ctx, &m, p)
		if err != nil && ctx.Err() != nil {
			return err
		}
		taken = taken || put && !tg.observer
	}
	if from != "" && !taken {
		reply := transport.ErrorReply(transport.ErrNoListener)
		reply.Correlation, reply.Topic = m.Correlation, m.Topic
		return t.answer(from, reply)
	}
	return nil
}

// plainMessage reads topic, envelope and payload; the envelope may be empty.
func (t *Transport) plainMessage(known *names, frames [][]byte) (transport.Message, error) {
	if len(frames) != 3 {
		return transport.Message{}, decodeErrorf("a message of %d frames, and not of topic, envelope and payload", len(frames))
	}
	m, err := known.message(frames[0], frames[1], frames[2])
	if err == nil {
		err = m.Check(t.maxBody)
	}
	return m, err
}

// servePlainDealer serves a REQ or DEALER socket of a program that is no node: what it
// sends goes to the subscriptions of this process, and is a request if the socket is a REQ, or the
// message has a correlation.
func (t *Transport) servePlainDealer(l *link, first zmtp.Message) error {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	asker := &line{link: l, asked: len(first.Frames) > 0 && len(first.Frames[0]) == 0}
	name := t.plain.enter(asker)
	l.start(asker)
	defer func() {
		t.plain.leave(name)
		drop(asker.finish())
	}()
	var known names
	for m, err := first, error(nil); ; m, err = l.read() {
		if err != nil {
			return err
		}
		frames := m.Frames
		if len(frames) > 0 && len(frames[0]) == 0 {
			frames = frames[1:]
		}
		if err := t.inject(ctx, &known, frames, t.asks(l, frames, name)); err != nil {
			return err
		}
	}
}

// asks is where the reply goes, if a message is a request.
func (t *Transport) asks(l *link, frames [][]byte, name string) string {
	if l.peer.Type == zmtp.Req {
		return name
	}
	var e transport.Envelope
	if len(frames) != 3 || e.UnmarshalMsgpack(frames[1]) != nil || e.Correlation == "" {
		return ""
	}
	return name
}

func (pp *plainPeers) enter(l *line) string {
	pp.mu.Lock()
	defer pp.mu.Unlock()
	if pp.askers == nil {
		pp.askers = map[string]*line{}
	}
	pp.next++
	name := plainPrefix + strconv.FormatUint(pp.next, 10)
	pp.askers[name] = l
	return name
}

func (pp *plainPeers) leave(name string) {
	pp.mu.Lock()
	defer pp.mu.Unlock()
	delete(pp.askers, name)
}

// answer sends a reply to a program that has asked, if it is still there.
func (pp *plainPeers) answer(name string, p *packet) {
	pp.mu.Lock()
	l := pp.askers[name]
	pp.mu.Unlock()
	if l != nil {
		l.put(p)
	}
}
