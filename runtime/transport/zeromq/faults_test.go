//go:build linux || darwin

package zeromq_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

func init() { roles["crowded"] = crowded }

// counter subscribes to everything, and counts.
func counter(t *testing.T, n *zeromq.Transport) *atomic.Int64 {
	t.Helper()
	var count atomic.Int64
	_, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"event.#"}, Receive: transport.Serve(1, func(context.Context, *transport.Delivery) error {
		count.Add(1)
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	return &count
}

// works has a message go from one node to another.
func works(t *testing.T, web *zeromq.Transport, count *atomic.Int64) {
	t.Helper()
	before := count.Load()
	if err := transport.Publish(t.Context(), web, job("works")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a message came", func() bool { return count.Load() > before })
}

// raw is a connection that a test writes bytes to.
func raw(t *testing.T, dir string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(dir, "web-0.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// client is a node that a test plays.
type client struct {
	net.Conn
	r *zmtp.Reader
}

func dealer(t *testing.T, dir string) *client {
	t.Helper()
	c := raw(t, dir)
	_, r, err := zmtp.Shake(c, zmtp.Config{Type: zmtp.Dealer, Limits: zmtp.Limits{Bytes: 4 << 20, Frames: 8}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return &client{c, r}
}

// say sends a control message.
func (c *client) say(t *testing.T, word string, body any) {
	t.Helper()
	b, err := msgpack.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(zmtp.AppendMessage(nil, []byte("\x00"+word), b)); err != nil {
		t.Fatal(err)
	}
}

// hello has the client want everything, with a queue of its own.
func (c *client) hello(t *testing.T, queue map[string]any) {
	t.Helper()
	queue["id"], queue["patterns"] = 7, []string{"event.#"}
	c.say(t, "hello", map[string]any{"version": 1, "node": "raw-0", "epoch": "e", "queues": []any{queue}})
	if m, err := c.r.Read(); err != nil || string(m.Frames[0]) != "\x00welcome" {
		t.Fatalf("%+v, %v", m, err)
	}
}

// TestStopped has a process be stopped, by a signal: others get everything meanwhile, and it
// goes on when it is continued.
func TestStopped(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	other := openNode(t, zeromq.Config{Node: "other", Dir: dir})
	count := counter(t, other)
	book := filepath.Join(dir, "ledger")
	p := start(t, "receiver", dir, book, "XSGEN_ZEROMQ_OVERFLOW=1")
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	body := make([]byte, 500) // more than a connection holds
	for i := range n {
		m := job(fmt.Sprint(i))
		m.Body = body
		if _, err := web.Begin(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the other one has all", func() bool { return count.Load() == n })
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has the last one", func() bool { return ledger(t, book)[fmt.Sprint(n-1)] == 1 })
}

// TestDropsAreCounted has a peer take nothing: what comes when it does, and what it is told
// to be lost, is all that there was.
func TestDropsAreCounted(t *testing.T) {
	for overflow, oldest := range map[transport.Overflow]bool{transport.DropOldest: true, transport.DropNewest: false} {
		dir := shortDir(t)
		web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
		c := dealer(t, dir)
		c.hello(t, map[string]any{"overflow": overflow, "capacity": 50})
		const n = 5000
		for i := range n {
			m := job(fmt.Sprint(i))
			m.Body = make([]byte, 1000)
			if _, err := web.Begin(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		came, lost, last := 0, 0, ""
		for came+lost < n {
			m, err := c.r.Read()
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Frames[0]) == "\x00lost" {
				var pair [2]int
				if err := msgpack.Unmarshal(m.Frames[1], &pair); err != nil || pair[0] != 7 {
					t.Fatalf("%v, %v", pair, err)
				}
				lost += pair[1]
				continue
			}
			var e transport.Envelope
			if err := e.UnmarshalMsgpack(m.Frames[1]); err != nil {
				t.Fatal(err)
			}
			came++
			last = e.ID
		}
		if came+lost != n || came < 50 || lost == 0 || oldest != (last == fmt.Sprint(n-1)) {
			t.Errorf("policy %v: %d came, %d were lost; the last was %s", overflow, came, lost, last)
		}
	}
}

// TestPlainDropsAreCounted has a SUB socket take nothing for a while: what comes then, and what is
// counted as dropped, is all that there was.
func TestPlainDropsAreCounted(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	c := raw(t, dir)
	_, r, err := zmtp.Shake(c, zmtp.Config{Type: zmtp.Sub, Limits: zmtp.Limits{Bytes: 4 << 20, Frames: 8}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(zmtp.AppendCommand(nil, zmtp.Subscribe, nil)); err != nil {
		t.Fatal(err)
	}
	publish := func(name topic.Name, n int) {
		t.Helper()
		for range n {
			m := &transport.Message{Envelope: transport.Envelope{Topic: name}, Body: make([]byte, 1000)}
			if err := transport.Publish(t.Context(), web, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	came := make(chan string)
	go func() {
		defer close(came)
		for {
			m, err := r.Read()
			if err != nil {
				return
			}
			came <- string(m.Frames[0])
		}
	}()
	for joined := false; !joined; {
		publish("state.joined", 1)
		select {
		case <-came:
			joined = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	const n = 5000
	before := web.Figures().PlainDropped
	publish("event.counted", n)
	dropped := int(web.Figures().PlainDropped - before)
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	for left := n - dropped; left > 0; {
		name, ok := <-came
		if !ok {
			t.Fatalf("%d of %d count as dropped, and %d have not come", dropped, n, left)
		}
		if name == "event.counted" {
			left--
		}
	}
	publish("state.last", 1)
	for name := range came {
		if name == "event.counted" {
			t.Error("more came than were not dropped")
		}
		if name == "state.last" {
			break
		}
	}
	if dropped == 0 || dropped > n-1000 {
		t.Errorf("%d of %d were dropped", dropped, n)
	}
	c.Close()
	for range came { // until the reader has ended
	}
}

// TestFullQueues has a peer take everything and do nothing of it: with each policy a
// publisher begins exactly as many as there is room for.
func TestFullQueues(t *testing.T) {
	for _, overflow := range []transport.Overflow{transport.Block, transport.Reject} {
		dir := shortDir(t)
		web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
		c := dealer(t, dir)
		c.hello(t, map[string]any{"overflow": overflow, "capacity": 50, "keep": true})
		go func() {
			for {
				if _, err := c.r.Read(); err != nil {
					return
				}
			}
		}()
		begin := func() error {
			m := job("x")
			m.Profile = &transport.Profile{PublishTimeout: 50 * time.Millisecond}
			_, err := web.Begin(t.Context(), m)
			return err
		}
		n := 0
		var err error
		for err = begin(); err == nil; err = begin() {
			n++
		}
		want := map[transport.Overflow]error{transport.Block: transport.ErrTimeout, transport.Reject: transport.ErrFull}[overflow]
		if n != 50 || !errors.Is(err, want) {
			t.Errorf("policy %v: %d, and then %v", overflow, n, err)
		}
		c.say(t, "ack", []int{50, 7, 11, 30, 0})
		n = 0
		eventually(t, "there is room", func() bool { return begin() == nil })
		for n = 1; begin() == nil; n++ {
		}
		if n != 20 {
			t.Errorf("policy %v: after 20 were done there was room for %d", overflow, n)
		}
	}
}

// TestSilentConnections has many connections say nothing: another node is served.
func TestSilentConnections(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	for range 200 {
		raw(t, dir)
	}
	begun := time.Now()
	works(t, web, counter(t, openNode(t, zeromq.Config{Node: "depot", Dir: dir})))
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestMalformed has peers that say what makes no sense, before and after they have said who
// they are, and one that stops within a frame: they lose their connections, and nobody else.
func TestMalformed(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir, MaxBody: 100_000, OnError: func(error) {}})
	count := counter(t, openNode(t, zeromq.Config{Node: "depot", Dir: dir}))
	nested := strings.Repeat("\x91", 10_000)
	for _, first := range []string{
		"GET / HTTP/1.1\r\n\r\n", strings.Repeat("\xff", 64), "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL",
	} {
		c := raw(t, dir)
		_, _ = c.Write([]byte(first))
		_ = c.(*net.UnixConn).CloseWrite()
	}
	for _, frames := range [][]string{
		{"\x00hello", "\xc1"}, {"\x00hello", nested}, {"\x00hello", "\xdd\xff\xff\xff\xff"}, {"\x00hello", "\x80"}, {"\x00hello"},
		{"\x00what", "\x80"}, {"\x00ack", "\x90"}, {"\x00hello", "\x81\xa6queues\xdd\x7f\xff\xff\xff"},
	} {
		gone(t, dealer(t, dir), frames)
	}
	for _, frames := range [][]string{
		{"\x00ack", nested}, {"\x00ack", "\xdd\xff\xff\xff\xff"}, {"\x00ack", "\xa0"}, {"\x00subscribe", "\x80"}, {"\x00subscribe", nested},
		{"\x00unsubscribe", "\x92\x01\x02"}, {"\x00reply", "a..b", "\x80", ""}, {"\x00reply", "a", "\xc1", ""}, {"topic", "\x80", ""},
		{"\x00", "\x80"}, {"\x00ack"}, {"\x00synced", "\x80"}, {strings.Repeat("x", 500_000)},
	} {
		c := dealer(t, dir)
		c.hello(t, map[string]any{"observer": true})
		gone(t, c, frames)
	}
	half := dealer(t, dir)
	half.hello(t, map[string]any{"observer": true})
	_, _ = half.Write([]byte("\x01\x05\x00ac"))
	half.Close()
	works(t, web, count)
}

// gone sends a message, after which the peer must close the connection.
func gone(t *testing.T, c *client, frames []string) {
	t.Helper()
	var list [][]byte
	for _, f := range frames {
		list = append(list, []byte(f))
	}
	_, _ = c.Write(zmtp.AppendMessage(nil, list...))
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, err := c.r.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %.40q the connection is still there", frames)
		}
		if err != nil {
			return
		}
	}
}

// TestStrangeNumbers has a peer acknowledge what it never got: nobody is harmed.
func TestStrangeNumbers(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	count := counter(t, openNode(t, zeromq.Config{Node: "depot", Dir: dir}))
	c := dealer(t, dir)
	c.hello(t, map[string]any{"keep": true, "overflow": transport.DropNewest})
	for _, a := range [][]uint64{
		{1 << 63, 7, 1, 1 << 63, 0}, {0, 7, 5, 1, 0}, {1, 99, 1, 1, 1}, {1, 7, 0, 1<<64 - 1, 1}, {2, 7, 1},
	} {
		c.say(t, "ack", a)
	}
	works(t, web, count)
	works(t, web, count)
}

// TestSecondServer has a name be taken, and be free again after its process was killed.
func TestSecondServer(t *testing.T) {
	dir := shortDir(t)
	p := start(t, "receiver", dir, filepath.Join(dir, "ledger"))
	if _, err := zeromq.New(t.Context(), zeromq.Config{Node: "depot", Dir: dir}); !errors.Is(err, sockdir.ErrInUse) {
		t.Errorf("a second process of a name: %v", err)
	}
	p.kill()
	openNode(t, zeromq.Config{Node: "depot", Dir: dir})
}

// TestSocketRemoved has somebody remove the socket: it is made again, and others find it.
func TestSocketRemoved(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	if err := os.Remove(filepath.Join(dir, "web-0.sock")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the socket is there again", func() bool {
		_, err := os.Stat(filepath.Join(dir, "web-0.sock"))
		return err == nil
	})
	works(t, web, counter(t, openNode(t, zeromq.Config{Node: "depot", Dir: dir})))
}

// crowded is a process that may have few descriptors open.
func crowded() {
	check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}))
	n := opened(zeromq.Config{Node: "crowded"})
	_, err := n.Subscribe(context.Background(), transport.SubscribeRequest{Patterns: []topic.Pattern{"event.#"}, Receive: transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
		return d.Reply(ctx, &transport.Message{})
	})})
	check(err)
	fmt.Println("ready")
	select {}
}

// TestDescriptorsExhausted has a process run out of descriptors; it serves those that it
// has, and new ones when there are some again.
func TestDescriptorsExhausted(t *testing.T) {
	dir := shortDir(t)
	start(t, "crowded", dir, os.DevNull)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	ask := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := web.Request(ctx, job("ask"))
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	var crowd []net.Conn
	for range 100 {
		c, err := net.Dial("unix", filepath.Join(dir, "crowded-0.sock"))
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, c)
	}
	if err := ask(); err != nil {
		t.Errorf("with no descriptors left: %v", err)
	}
	for _, c := range crowd {
		c.Close()
	}
	late := openNode(t, zeromq.Config{Node: "late", Dir: dir})
	eventually(t, "a new node is served", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := late.Request(ctx, job("ask"))
		return err == nil
	})
}

// TestOpen has a topology's settings, and who opens the transport hear of peers that make no
// sense.
func TestOpen(t *testing.T) {
	base := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", base)
	told := make(chan error, 10)
	n, err := zeromq.Open(t.Context(), transport.Config{Topology: "shop", Node: "web", OnError: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	_, _ = raw(t, filepath.Join(base, "shop")).Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Error("nobody is told")
	}
	for _, s := range []map[string]string{{"allow.users": "nobody-of-this-name"}, {"allow.group": "no-group-of-this-name"}} {
		if _, err := zeromq.Open(t.Context(), transport.Config{Topology: "shop", Node: "web", Settings: s}); err == nil {
			t.Errorf("%v was taken", s)
		}
	}
}

// TestUnsafeDirectory has directories in which others could put sockets, and a path that is
// too long.
func TestUnsafeDirectory(t *testing.T) {
	open := shortDir(t)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]error{
		open: sockdir.ErrUnsafe, filepath.Join(shortDir(t), strings.Repeat("x", 100)): sockdir.ErrPathTooLong,
	} {
		if _, err := zeromq.New(t.Context(), zeromq.Config{Node: "web", Dir: dir}); !errors.Is(err, want) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	dir := filepath.Join(shortDir(t), "new")
	openNode(t, zeromq.Config{Node: "web", Dir: dir})
	for name, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "web-0.sock"): 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
