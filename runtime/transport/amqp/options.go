package amqp

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/transport"
)

// options are what a transport is made with.
type options struct {
	addresses   []address
	prefix      string
	node        string
	queues      []transport.Queue
	insecure    bool
	passive     bool
	tls         *tls.Config
	credentials Credentials
	heartbeat   time.Duration
	recheck     time.Duration
	window      int
	maxBody     int
	log         *slog.Logger
	backoff     backoff
}

// Option is an option of New.
type Option func(*options)

// Prefix is what all names at the broker begin with; "xsgen" otherwise.
func Prefix(p string) Option { return func(o *options) { o.prefix = p } }

// Node is the name by which a node finds its durable queues again. Processes that run at
// the same time need names of their own; a transport without one makes one up.
func Node(name string) Option { return func(o *options) { o.node = name } }

// Queues are inboxes of others, which are declared as soon as there is a connection, so
// that what is sent to them is kept until somebody takes it.
func Queues(q ...transport.Queue) Option { return func(o *options) { o.queues = q } }

// Insecure allows connections to other machines that are not encrypted.
func Insecure() Option { return func(o *options) { o.insecure = true } }

// Passive declares nothing: exchanges and queues, and all that belongs to them, are there
// because somebody else sees to it. What is missing is an error, and looked for again.
func Passive() Option { return func(o *options) { o.passive = true } }

// TLS is used for amqps: authorities, and the client's certificates. Without it the
// system's authorities count, and files that the address names.
func TLS(c *tls.Config) Option { return func(o *options) { o.tls = c } }

// WithCredentials has f asked for user and password, in place of those in the address.
func WithCredentials(f Credentials) Option { return func(o *options) { o.credentials = f } }

// Heartbeat is how often both sides say that they are there; 10 seconds otherwise. After
// one and a half times that without a sign a connection is given up.
func Heartbeat(d time.Duration) Option { return func(o *options) { o.heartbeat = d } }

// Recheck is how often a node makes sure that the exchanges are there, that its queues are
// bound to them, and that the queues of others are there that it sends to (Queues); 30 seconds
// otherwise. Who deletes an exchange deletes its bindings, of which no receiver is told, and no
// sender is told of a queue.
func Recheck(d time.Duration) Option {
	return func(o *options) { o.recheck = max(d, time.Millisecond) }
}

// Window is how many messages may be unconfirmed; 2,000 otherwise, by which a network of 50 ms
// there and back takes as many in a second as the broker stores. Each is in memory until then.
func Window(n int) Option { return func(o *options) { o.window = max(n, 1) } }

// MaxBody sets the most bytes that a body may have; it is codec.MaxSize otherwise.
func MaxBody(bytes int) Option { return func(o *options) { o.maxBody = bytes } }

// Log is told of connections that were lost, and of what nobody else can be told of. No
// secret is in it. Otherwise it is slog's default.
func Log(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// newOptions reads the server's addresses, which are separated by commas.
func newOptions(urls string, opts []Option) (*options, error) {
	addresses, err := parseAddresses(urls)
	if err != nil {
		return nil, err
	}
	o := &options{
		addresses: addresses, prefix: "xsgen", heartbeat: 10 * time.Second, recheck: 30 * time.Second, window: 2000, maxBody: codec.MaxSize,
		log: slog.Default(), backoff: backoff{first: 100 * time.Millisecond, most: 30 * time.Second},
	}
	for _, f := range opts {
		f(o)
	}
	for _, a := range addresses {
		if err := a.check(o.insecure); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Open implements transport.Opener. Settings: "url", addresses that are separated by
// commas and tried in turn; "prefix"; "insecure" and "passive", which may be true, are as
// the options.
func Open(_ context.Context, c transport.Config) (transport.Transport, error) {
	opts := []Option{Node(nodeName(c.Node, c.Replica)), Queues(c.Queues...)}
	if p := c.Settings["prefix"]; p != "" {
		opts = append(opts, Prefix(p))
	}
	for key, option := range map[string]Option{"insecure": Insecure(), "passive": Passive()} {
		text := c.Settings[key]
		if text == "" {
			continue
		}
		on, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("amqp: the setting %s must be true or false", key)
		}
		if on {
			opts = append(opts, option)
		}
	}
	return New(c.Settings["url"], opts...)
}

// nodeName is what a process's queues are called by. The first one has the node's name.
func nodeName(node string, replica int) string {
	if replica == 0 {
		return node
	}
	return fmt.Sprintf("%s/%d", node, replica)
}
