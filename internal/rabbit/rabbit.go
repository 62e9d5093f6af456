// Package rabbit has a RabbitMQ of one's own for tests and benchmarks. It is the server
// that XSGEN_AMQP_URL names, or a private one on free ports: of the machine's
// installation, or of Debian packages in the user's cache, which may be another release's
// (SuiteKey). A private one needs no root, is no daemon, and ends with the process that has
// started it, however that ends.
package rabbit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Broker is a RabbitMQ server.
type Broker struct {
	// URL is its address, with a user who may do everything.
	URL string
	// Host and Port are those of a private one.
	Host string
	Port int
	// TLSPort is where a private one takes encrypted connections, of those who show a
	// certificate of its Authority. By the mechanism EXTERNAL the name in that is the user's.
	TLSPort   int
	Authority *Authority

	program installation
	dir     string
	env     []string
	server  *leash
	names   *leash // Erlang's name server
}

// patience is how long a server may take to start or to stop: on a busy machine a cold
// start takes half a minute.
const patience = 3 * time.Minute

// started is whether anybody has asked for the shared broker.
var started atomic.Bool

var shared = sync.OnceValues(func() (*Broker, error) {
	if url := os.Getenv("XSGEN_AMQP_URL"); url != "" {
		return &Broker{URL: url}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return Start(ctx)
})

// Shared returns the process's broker, and starts it the first time. Where there is none
// to be had the test is skipped, unless the environment has CI=true: then it fails.
func Shared(tb testing.TB) *Broker {
	tb.Helper()
	started.Store(true)
	b, err := shared()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		tb.Fatal(err)
	default:
		tb.Skip(err)
	}
	return b
}

// Tests runs a package's tests, as testing.M does, and ends the broker then. It is for
// TestMain: whoever looks for goroutines after it finds none of the broker's.
type Tests struct {
	*testing.M
	// Prefix begins the names of all that the tests declare and must remove, since the broker
	// may be somebody's: on a private one they fail if any is left. Empty is nothing to look for.
	Prefix string
}

// Run runs the tests.
func (t Tests) Run() int {
	code := t.M.Run()
	if !started.Load() {
		return code
	}
	b, err := shared()
	if err != nil {
		return code
	}
	if code == 0 {
		if left, err := b.left(t.Prefix); err != nil || len(left) > 0 {
			fmt.Fprintf(os.Stderr, "the tests have left at the broker: %s, %v\n", strings.Join(left, ", "), err)
			code = 1
		}
	}
	if err := b.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// left are the queues and exchanges of a private broker whose names begin with a prefix.
func (b *Broker) left(prefix string) (names []string, err error) {
	if !b.Private() || prefix == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, list := range []string{"list_queues", "list_exchanges"} {
		out, err := b.Ctl(ctx, list, "name")
		if err != nil {
			return nil, err
		}
		for _, name := range strings.Fields(out) {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// Own is Shared for tests that need what only a private broker can do.
func Own(tb testing.TB) *Broker {
	tb.Helper()
	b := Shared(tb)
	if !b.Private() {
		tb.Skip("XSGEN_AMQP_URL names a server that is not the test's own")
	}
	return b
}

// Private reports whether the broker is the process's own, and may be killed.
func (b *Broker) Private() bool { return b.dir != "" }

// Start starts a private broker, and returns once it takes connections.
func Start(ctx context.Context) (*Broker, error) {
	program, err := locate(ctx)
	if err != nil {
		return nil, err
	}
	b := &Broker{program: program, Host: "127.0.0.1"}
	if b.dir, err = os.MkdirTemp("", "xsgen-rabbit-"); err != nil {
		return nil, err
	}
	if err := b.configure(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	if err := b.Run(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// configure chooses ports, writes the files that a server needs, and starts the name
// server.
func (b *Broker) configure() error {
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	b.Port, b.TLSPort = ports[0], ports[3]
	b.URL = fmt.Sprintf("amqp://guest:guest@%s:%d/", b.Host, b.Port)
	path, err := b.program.prepare(filepath.Join(b.dir, "bin"))
	if err != nil {
		return err
	}
	conf, err := b.conf()
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"rabbitmq.conf": conf, "plugins": "[rabbitmq_auth_mechanism_ssl].\n"} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	set := func(name string, value any) { b.env = append(b.env, fmt.Sprint(name, "=", value)) }
	file := func(name string) string { return filepath.Join(b.dir, name) }
	set("PATH", path)
	if b.program.erlang != "" {
		set("ESCRIPT_EMULATOR", file("bin/erl"))
	}
	set("HOME", b.dir) // has the cookie
	set("RABBITMQ_NODENAME", "xsgen@localhost")
	set("RABBITMQ_NODE_PORT", b.Port)
	set("RABBITMQ_DIST_PORT", ports[1])
	set("ERL_EPMD_PORT", ports[2])
	set("ERL_EPMD_ADDRESS", b.Host)
	set("RABBITMQ_MNESIA_BASE", file("data"))
	set("RABBITMQ_LOG_BASE", file("log"))
	set("RABBITMQ_PID_FILE", file("pid"))
	set("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"))
	set("RABBITMQ_ENABLED_PLUGINS_FILE", file("plugins"))
	set("RABBITMQ_CONF_ENV_FILE", os.DevNull)
	// Schedulers that have nothing to do sleep: there are few processors. Nobody needs the
	// monitor of memory that Erlang has as a program of its own.
	set("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+sbwt none +sbwtdcpu none +sbwtdio none -os_mon start_memsup false")
	b.names, err = b.hold(b.program.epmd, "-port", strconv.Itoa(ports[2]))
	return err
}

// conf is the server's configuration, for which it makes certificates.
func (b *Broker) conf() (string, error) {
	var err error
	if b.Authority, err = NewAuthority(); err != nil {
		return "", err
	}
	files, err := b.Authority.Write(b.dir, "localhost")
	lines := []string{
		fmt.Sprintf("listeners.tcp.default = %s:%d", b.Host, b.Port),
		fmt.Sprintf("listeners.ssl.default = %s:%d", b.Host, b.TLSPort),
		"ssl_options.cacertfile = " + files.Authority,
		"ssl_options.certfile = " + files.Certificate,
		"ssl_options.keyfile = " + files.Key,
		"ssl_options.verify = verify_peer",
		"ssl_options.fail_if_no_peer_cert = true",
		"ssl_cert_login_from = common_name",
		"auth_mechanisms.1 = PLAIN",
		"auth_mechanisms.2 = EXTERNAL",
		"disk_free_limit.absolute = 1MB",
		"log.file.level = warning",
	}
	return strings.Join(lines, "\n") + "\n", err
}

// Run starts a broker that has ended, with what it had stored.
func (b *Broker) Run(ctx context.Context) error {
	if err := os.Remove(filepath.Join(b.dir, "pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	server, err := b.hold(filepath.Join(b.program.sbin, "rabbitmq-server"))
	if err != nil {
		return err
	}
	b.server = server
	return b.await(ctx)
}

// await waits until the broker takes connections.
func (b *Broker) await(ctx context.Context) error {
	addr := net.JoinHostPort(b.Host, strconv.Itoa(b.Port))
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-b.server.ended:
			return fmt.Errorf("rabbit: the server has ended: %s", b.server.output())
		case <-ctx.Done():
			return fmt.Errorf("rabbit: the server has not started: %w: %s", ctx.Err(), b.server.output())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Kill ends the server as kill -9 does. Run starts it again.
func (b *Broker) Kill() error { return b.end(syscall.SIGKILL) }

// Stop has the server end in order. Run starts it again.
func (b *Broker) Stop() error { return b.end(syscall.SIGTERM) }

func (b *Broker) end(s syscall.Signal) error {
	if err := b.Signal(s); err != nil {
		return err
	}
	select {
	case <-b.server.ended:
		return nil
	case <-time.After(patience):
		return errors.New("rabbit: the server does not end")
	}
}

// Signal sends a signal to the server: SIGSTOP halts it, SIGCONT has it go on.
func (b *Broker) Signal(s syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(b.dir, "pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, s)
}

// Ctl runs rabbitmqctl, and returns what it prints.
func (b *Broker) Ctl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.program.sbin, "rabbitmqctl"), append([]string{"-q"}, args...)...)
	cmd.Env = append(os.Environ(), b.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("rabbitmqctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Close ends a private broker and removes what it has stored.
func (b *Broker) Close() error {
	if !b.Private() {
		return nil
	}
	var errs []error
	for _, l := range []*leash{b.server, b.names} {
		if l != nil {
			errs = append(errs, l.close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// freePorts finds ports that nobody listens at.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at once, or one port might be found twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
