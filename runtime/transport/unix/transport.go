//go:build linux || darwin

package unix

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
)

// Transport joins the processes of one machine that use the same directory. Make one with
// New.
type Transport struct {
	dir, node string
	replica   int
	name      string // <node>-<replica>
	epoch     string
	access    sockdir.Access
	maxBody   int
	outbox    int
	spin      time.Duration
	onError   func(error)

	seq       atomic.Uint64
	status    transport.Status
	published transport.KnownProfile
	requests  transport.Requests
	subs      *local.Node
	routes    routes
	changed   broadcast     // something that Subscribe, Close or the watch wait for
	joined    chan struct{} // closed when all that were there have been tried
	shut      chan struct{} // closed when Close was called
	done      chan struct{} // closed when Close has done its work
	look      chan struct{} // tells the watch to look for sockets now
	hurried   chan struct{} // closed when a Close waits no longer
	hurry     sync.Once

	ctx     context.Context // ends with the last connection
	cancel  context.CancelFunc
	running sync.WaitGroup
	readers *local.Readers
	lock    *os.File
	moves   moves
	strayed atomic.Int64 // messages that were kept, and that nobody has in the end
	malform atomic.Uint64
	foreign atomic.Uint64

	mu       sync.Mutex
	listener *net.UnixListener
	socket   os.FileInfo // of the socket
	parting  bool        // others are told that this process takes nothing more
	leaving  bool        // no connection is taken or made any more
	numbers  uint64      // of announcements
	lines    map[*local.Line]*announcement
	peers    map[string]*peer
	absent   map[string]*peer // that messages are kept for until they come
	calling  map[string]bool  // that this process is connecting to
	settling map[string]bool  // that are connecting to this process
	tries    map[string]*try
}

var _ transport.Transport = (*Transport)(nil)

// announcement is a line of this process, as others are told of it. It is guarded by the
// transport's mutex.
type announcement struct {
	id      uint64
	line    *local.Line
	members int
	// withdrawn says that others have been told that the line gets nothing more.
	withdrawn bool
}

func (a *announcement) offer() offer { return offerOf(a.id, a.line.Request(), a.members) }

// Config says who a process is, and where the others are.
type Config struct {
	Dir     string // of the sockets, the same for all; it is made if it is not there
	Node    string // the name of the node, a part of the socket's
	Replica int    // which of the node's processes it is, from 0
	// AllowUsers are users, by name or number and separated by commas, whose processes may
	// connect beside those of the own user; AllowGroup is a group whose members may.
	AllowUsers, AllowGroup string
	MaxBody                int // bytes of a body; 0 is codec.MaxSize
	// Outbox is how many bytes may wait to be written to one process before its queues
	// count as full; 0 is 1 MiB.
	Outbox int
	// Spin is how long a connection looks for what comes before it sleeps: it makes a hop
	// faster, and keeps a processor busy. 0 is not at all.
	Spin time.Duration
	// OnError is told of what nobody else can be told of: peers whose frames make no
	// sense, dead letters that could not be published. It must not block.
	OnError func(error)
	// Queues are inboxes of others for which messages are kept before they were ever there, if
	// their profiles have manual acks; Peers say how many processes their nodes have.
	Queues []transport.Queue
	Peers  []transport.Peer
}

// Settings are the keys of the settings that Open knows.
const (
	SettingDir        = "dir"
	SettingAllowUsers = "allow.users"
	SettingAllowGroup = "allow.group"
	SettingSpin       = "spin" // a duration
)

// Open opens the transport of a node; it is a transport.Opener.
func Open(ctx context.Context, c transport.Config) (transport.Transport, error) {
	conf := Config{
		Dir: c.Settings[SettingDir], Node: c.Node, Replica: c.Replica, AllowUsers: c.Settings[SettingAllowUsers],
		AllowGroup: c.Settings[SettingAllowGroup], Queues: c.Queues, Peers: c.Peers, OnError: c.OnError,
	}
	if conf.Dir == "" {
		conf.Dir = sockdir.Default(c.Topology)
	}
	if text := c.Settings[SettingSpin]; text != "" {
		var err error
		if conf.Spin, err = time.ParseDuration(text); err != nil || conf.Spin < 0 {
			return nil, fmt.Errorf("unix: spin: %q is no duration", text)
		}
	}
	t, err := New(ctx, conf)
	if err != nil {
		return nil, err
	}
	return t, nil
}

const defaultOutbox = 1 << 20

// New listens, and begins to connect to the others; that goes on when it has returned, and
// Status tells when those that were there are connected. ctx bounds New only.
func New(ctx context.Context, c Config) (*Transport, error) {
	if err := ctx.Err(); err != nil {
		return nil, transport.TimeoutError(err)
	}
	if !plain(c.Node) || c.Replica < 0 {
		return nil, fmt.Errorf("unix: %q cannot be the name of a node's socket", c.Node)
	}
	a, err := sockdir.ParseAccess(c.AllowUsers, c.AllowGroup)
	if err != nil {
		return nil, fmt.Errorf("unix: %w", err)
	}
	t := newTransport(c, a)
	if err := t.listen(); err != nil {
		t.cancel()
		return nil, err
	}
	t.expect(c.Queues, c.Peers)
	t.running.Go(t.accept)
	t.running.Go(t.watch)
	return t, nil
}

func newTransport(c Config, a sockdir.Access) *Transport {
	t := &Transport{
		dir: c.Dir, node: c.Node, replica: c.Replica, name: nameOf(c.Node, c.Replica), epoch: transport.NewEpoch(),
		access: a, maxBody: c.MaxBody, outbox: c.Outbox, spin: c.Spin, onError: c.OnError,
		joined: make(chan struct{}), shut: make(chan struct{}), done: make(chan struct{}), look: make(chan struct{}, 1),
		hurried: make(chan struct{}),
		lines:   map[*local.Line]*announcement{}, peers: map[string]*peer{}, absent: map[string]*peer{},
		calling: map[string]bool{}, settling: map[string]bool{}, tries: map[string]*try{},
	}
	if t.maxBody <= 0 {
		t.maxBody = codec.MaxSize
	}
	if t.outbox <= 0 {
		t.outbox = defaultOutbox
	}
	if t.onError == nil {
		t.onError = func(error) {}
	}
	t.routes.init()
	t.subs = local.New(local.Config{
		Name: "unix", OnError: t.onError, Publish: t.deadLetter, Answer: t.reply, Added: t.added, Removed: t.removed,
		Others: t.others, PassOn: t.passAlong,
	})
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.readers = local.NewReaders(t.running.Go, t.ctx.Done())
	return t
}

func (t *Transport) hello() *hello {
	return &hello{t.node, uint64(t.replica), t.epoch, t.maxBody}
}

func (t *Transport) socketOf(name string) string { return filepath.Join(t.dir, name+".sock") }

// newID is an id for a message that has none.
func (t *Transport) newID() string { return transport.NewID(t.epoch, t.seq.Add(1)) }

// Guarantees implements transport.Transport.
func (t *Transport) Guarantees() transport.Guarantees {
	g := local.Guarantees(t.maxBody)
	g.Gaps = true
	return g
}

// Status implements transport.Transport. It is Ready as long as every process that is there
// is connected, and Reconnecting while one whose connection was lost may come back.
func (t *Transport) Status() *transport.Status { return &t.status }

// Check implements transport.Transport: it is CheckProfile.
func (t *Transport) Check(p transport.Profile) error { return CheckProfile(p) }

// Figures count what peers did wrong.
type Figures struct {
	Malformed uint64 // connections that were closed for a frame that makes no sense
	Foreign   uint64 // that were refused for the user of the process
}

// Figures are the counts at this moment.
func (t *Transport) Figures() Figures { return Figures{t.malform.Load(), t.foreign.Load()} }

// note counts, and tells of, why a connection has ended.
func (t *Transport) note(err error) {
	switch {
	case errors.Is(err, errMalformed):
		t.malform.Add(1)
	case errors.Is(err, sockdir.ErrForeign):
		t.foreign.Add(1)
		err = fmt.Errorf("unix: %w", err)
	default:
		return
	}
	t.onError(err)
}

// broadcast wakes all who wait for something to change.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// next is closed when something changes.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// await waits until a condition holds, ctx ends or, if it is set, stop is closed.
func (b *broadcast) await(ctx context.Context, stop <-chan struct{}, cond func() bool) error {
	for {
		next := b.next()
		if cond() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return transport.TimeoutError(ctx.Err())
		case <-stop:
			return transport.ErrClosed
		}
	}
}
