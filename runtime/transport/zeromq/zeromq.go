package zeromq

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
)

// The times of connections.
const (
	handshakeTimeout = 10 * time.Second
	joinTimeout      = 3 * time.Second // after which the state does not wait for a peer
	firstBackoff     = 100 * time.Millisecond
	lastBackoff      = 5 * time.Second
	// lostPatience is how long a peer that cannot be asked whether it is still there is
	// waited for, and forgetAfter how long what is kept for one that is not configured.
	lostPatience = 30 * time.Second
	forgetAfter  = 2 * time.Minute
	// A TCP connection on which nothing comes for pingAfter is tried, and given up after
	// silentFor.
	pingAfter = 10 * time.Second
	silentFor = 30 * time.Second
)

// Config is what a Transport is made with.
type Config struct {
	Node    string // with Replica, the identity by which others know the process
	Replica int
	// Dir is the directory of sockets, which is made if there is none; empty for none,
	// then Listen is needed. Others find the process there, and it finds them.
	Dir    string
	Listen string // tcp://host:port, at which it can be reached as well; the host may be *
	// Peers are nodes that are looked for until they are there. Those of this host that are
	// not listed are found too.
	Peers []transport.Peer
	// Queues are inboxes of others: what is published for them before they are there waits
	// for them, if their profile has ManualAck.
	Queues []transport.Queue
	// AllowUsers are users, by names or numbers with commas between, and AllowGroup is a group
	// whose processes may connect through the directory, and be connected to, besides those of
	// the process's own user.
	AllowUsers, AllowGroup string
	// MaxBody is the most bytes that a body may have; 0 is codec.MaxSize.
	MaxBody int
	// OnError is told of what nobody else can be told of: connections that are lost or refused,
	// messages that cannot be read. It may be called from several goroutines at once, and must
	// not block.
	OnError func(error)
}

// Transport joins the processes of a program. Make one with New or Open.
type Transport struct {
	cfg     Config
	id      string
	epoch   string
	access  sockdir.Access
	maxBody int
	onError func(error)

	seq       atomic.Uint64
	node      *local.Node
	readers   *local.Readers // of what others publish
	status    transport.Status
	published transport.KnownProfile
	requests  transport.Requests
	routes    routes
	plain     plainPeers
	turns     turns
	tcp       net.Addr        // where it listens, nil if it does not
	looked    atomic.Bool     // for those who are there: before, nobody knows whether all have been found
	ready     atomic.Bool     // it has been
	ctx       context.Context // ends when it is closed
	cancel    context.CancelFunc
	running   sync.WaitGroup
	closing   sync.WaitGroup // of Close
	shut      chan struct{}  // closed by the first Close
	rushed    chan struct{}  // closed when Close waits for others no more
	hurried   sync.Once
	done      chan struct{} // closed when Close has done its work

	refreshing sync.Mutex // held while the state is computed

	mu      sync.Mutex
	ended   bool
	taken   chan struct{} // closed when somebody has taken something; nil if nobody waits for that
	remotes map[string]*remote
	inlets  map[string]*inlet // by address
	sockets []*socket

	ownMu sync.Mutex
	own   map[uint64]*target // lines of this node, by their ids
	ids   map[*local.Line]uint64
	lines uint64
}

var _ transport.Transport = (*Transport)(nil)

// Open opens the transport of a node, as its topology says: with the setting `dir`, and
// with Listen where other hosts are to reach it. With neither of them it is the directory
// that nodes of the topology have by default.
func Open(ctx context.Context, c transport.Config) (transport.Transport, error) {
	dir := c.Settings["dir"]
	if dir == "" && c.Listen == "" {
		dir = sockdir.Default(c.Topology)
	}
	t, err := New(ctx, Config{
		Node: c.Node, Replica: c.Replica, Dir: dir, Listen: c.Listen, Peers: c.Peers, Queues: c.Queues,
		AllowUsers: c.Settings["allow.users"], AllowGroup: c.Settings["allow.group"],
		OnError: c.OnError,
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// New binds the process's socket and connects to the others. It is Ready once the
// peers that are there know what they publish for it, and it what to publish for them; it
// does not wait for that.
func New(ctx context.Context, cfg Config) (*Transport, error) {
	if err := ctx.Err(); err != nil {
		return nil, transport.TimeoutError(err)
	}
	t, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	if err := t.bind(); err != nil {
		t.cancel()
		t.unbind()
		return nil, err
	}
	t.expect()
	t.discover()
	t.running.Go(t.maintain)
	t.looked.Store(true)
	t.refresh(nil)
	return t, nil
}

func newTransport(cfg Config) (*Transport, error) {
	if cfg.Dir == "" && cfg.Listen == "" {
		return nil, fmt.Errorf("zeromq: there is neither a directory for sockets nor an address to listen at")
	}
	if cfg.Node == "" || strings.ContainsAny(cfg.Node, "/.@\x00") || cfg.Replica < 0 {
		return nil, fmt.Errorf("zeromq: %q with the replica %d names no process", cfg.Node, cfg.Replica)
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = codec.MaxSize
	}
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	access, err := sockdir.ParseAccess(cfg.AllowUsers, cfg.AllowGroup)
	if err != nil {
		return nil, fmt.Errorf("zeromq: %w", err)
	}
	t := &Transport{
		access: access,
		cfg:    cfg, id: identity(cfg.Node, cfg.Replica), epoch: transport.NewEpoch(), maxBody: cfg.MaxBody, onError: cfg.OnError,
		shut: make(chan struct{}), rushed: make(chan struct{}), done: make(chan struct{}),
		remotes: map[string]*remote{}, inlets: map[string]*inlet{}, own: map[uint64]*target{}, ids: map[*local.Line]uint64{},
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.readers = local.NewReaders(t.running.Go, t.ctx.Done())
	t.node = local.New(local.Config{
		Name: "zeromq", OnError: t.onError, Publish: t.deadLetter, Answer: t.answer, Added: t.added, Removed: t.removed,
		Others: t.membersElsewhere, PassOn: t.passAlong,
	})
	return t, nil
}

// identity is what others call a process.
func identity(node string, replica int) string { return node + "-" + strconv.Itoa(replica) }

// limits are what a peer may send at once: a body, a topic, an envelope, and what nodes add.
func (t *Transport) limits() zmtp.Limits {
	return zmtp.Limits{Bytes: t.maxBody + 2*transport.MaxHeaders, Frames: 8}
}

// Guarantees implements transport.Transport.
func (t *Transport) Guarantees() transport.Guarantees {
	g := local.Guarantees(t.maxBody)
	g.Gaps = true
	return g
}

// Status implements transport.Transport. It is Reconnecting while a peer is away that has
// not closed; messages for others are taken meanwhile.
func (t *Transport) Status() *transport.Status { return &t.status }

// Check implements transport.Transport. Nothing outlives the processes.
func (t *Transport) Check(p transport.Profile) error {
	if p.Durable == transport.DurableRequired {
		return fmt.Errorf("%w: durable is required, and nothing here outlives the processes", transport.ErrInvalidProfile)
	}
	return p.Validate()
}

// Figures count what no subscription's Stats have.
type Figures struct {
	// PlainDropped are messages for SUB sockets of programs, each of which had 1,000 waiting.
	PlainDropped uint64
}

// Figures are the counts at this moment.
func (t *Transport) Figures() Figures { return Figures{t.plain.dropped.Load()} }

// newID is an id for a message that has none.
func (t *Transport) newID() string { return transport.NewID(t.epoch, t.seq.Add(1)) }

// routes find who hears a topic.
type routes struct {
	index  topic.Index[*target]
	mu     sync.Mutex
	groups map[string][]*target // members of each
}

// target is who hears something: a line of this node, or a queue of another one. What
// chooses among the members of a group is copied, so that no lock is needed.
type target struct {
	line     *local.Line
	q        *rqueue
	pull     *pullers
	patterns []topic.Pattern
	group    string
	observer bool
	policy   transport.GroupPolicy
	members  atomic.Int64
	node     string
	wipe     bool // buffers are to be wiped
}

func (r *routes) add(tg *target) {
	for _, p := range tg.patterns {
		r.index.Add(p, tg)
	}
	if tg.group != "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.groups == nil {
			r.groups = map[string][]*target{}
		}
		r.groups[tg.group] = append(r.groups[tg.group], tg)
	}
}

func (r *routes) remove(tg *target) {
	for _, p := range tg.patterns {
		r.index.Remove(p, tg)
	}
	if tg.group == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.groups[tg.group]
	for i, x := range list {
		if x == tg {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if r.groups[tg.group] = list; len(list) == 0 {
		delete(r.groups, tg.group)
	}
}

// members are those of a group.
func (r *routes) members(group string) []*target {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.groups[group]
}

// route has a queue of another process be found; its remote's mu is held.
func (t *Transport) route(q *rqueue) {
	q.target = &target{q: q, patterns: q.patterns, group: q.group, observer: q.observer, policy: q.policy, node: q.r.id, wipe: q.wipe}
	q.target.members.Store(int64(q.members))
	t.routes.add(q.target)
}

// unroute has it be found no more.
func (t *Transport) unroute(q *rqueue) { t.routes.remove(q.target) }

// added and removed are told of this node's lines, with locks held.
func (t *Transport) added(l *local.Line) {
	r := l.Request()
	tg := &target{line: l, patterns: r.Patterns, group: r.Group, observer: r.Observer, policy: r.Policy, node: t.id, wipe: r.Profile.Sensitive}
	tg.members.Store(1)
	t.ownMu.Lock()
	defer t.ownMu.Unlock()
	t.lines++
	t.own[t.lines], t.ids[l] = tg, t.lines
	t.routes.add(tg)
}

func (t *Transport) removed(l *local.Line) {
	t.ownMu.Lock()
	id := t.ids[l]
	tg := t.own[id]
	delete(t.own, id)
	delete(t.ids, l)
	t.ownMu.Unlock()
	t.routes.remove(tg)
	for _, in := range t.allInlets() {
		in.drop(id)
	}
}

// line is the line of this node that has an id, nil if it has gone.
func (t *Transport) line(id uint64) *local.Line {
	t.ownMu.Lock()
	defer t.ownMu.Unlock()
	if tg := t.own[id]; tg != nil {
		return tg.line
	}
	return nil
}

// announcements are all lines of this node, as others are told of them.
func (t *Transport) announcements() []announcement {
	t.ownMu.Lock()
	defer t.ownMu.Unlock()
	list := make([]announcement, 0, len(t.own))
	for id, tg := range t.own {
		list = append(list, tg.announcement(id))
	}
	return list
}

func (tg *target) announcement(id uint64) announcement {
	r := tg.line.Request()
	p := &r.Profile
	return announcement{
		id: id, name: r.Name, group: r.Group, patterns: r.Patterns, members: uint64(tg.members.Load()), observer: r.Observer,
		policy: r.Policy, overflow: p.Overflow, keep: p.ManualAck == transport.On, capacity: uint64(p.Room()),
		bytes: uint64(p.CapacityBytes), timeout: p.PublishTimeout, wipe: p.Sensitive,
	}
}
