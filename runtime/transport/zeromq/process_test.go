//go:build linux || darwin

package zeromq_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

func init() {
	roles["receiver"], roles["publisher"] = receiver, publisher
}

// process is the test binary in another role.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
}

// start starts the test binary in a role, with a directory for sockets and a file for what it
// notes, and waits until it has done what comes first. Other variables are NAME=value.
func start(t *testing.T, role, dir, ledger string, env ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "XSGEN_ZEROMQ_ROLE="+role, "XSGEN_ZEROMQ_DIR="+dir, "XSGEN_ZEROMQ_LEDGER="+ledger), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t, cmd}
	t.Cleanup(p.kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the %s says %q, %v", role, line, err)
	}
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// openNode opens a node, waits until it is ready, and closes it when the test ends.
func openNode(t *testing.T, c zeromq.Config) *zeromq.Transport {
	t.Helper()
	if c.OnError == nil {
		c.OnError = func(err error) { t.Logf("%s: %v", c.Node, err) }
	}
	n, err := zeromq.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Errorf("closing %s: %v", c.Node, err)
		}
	})
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	return n
}

// jobs is the queue that the receiver has, with a profile that loses nothing.
var jobs = transport.Queue{
	Node: "depot", Name: "jobs", Patterns: []topic.Pattern{"event.job.#"},
	Profile: transport.Profile{ManualAck: transport.On, Capacity: 3000, DedupWindow: 100_000, Prefetch: 100},
}

// opened opens the node of a role.
func opened(c zeromq.Config) *zeromq.Transport {
	c.Dir = os.Getenv("XSGEN_ZEROMQ_DIR")
	n, err := zeromq.New(context.Background(), c)
	if err == nil {
		err = n.Status().Await(context.Background(), transport.Ready)
	}
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// note opens the file to which a role writes a line for each id.
func note() func(id string) {
	f, err := os.OpenFile(os.Getenv("XSGEN_ZEROMQ_LEDGER"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(err)
	return func(id string) {
		_, err := f.WriteString(id + "\n")
		check(err)
	}
}

// receiver is a process that has the queue, and notes what it handles. With the variable
// XSGEN_ZEROMQ_OVERFLOW it has one that drops instead.
func receiver() {
	handled := note()
	n := opened(zeromq.Config{Node: "depot"})
	r := transport.SubscribeRequest{Name: jobs.Name, Patterns: jobs.Patterns, Profile: jobs.Profile}
	if os.Getenv("XSGEN_ZEROMQ_OVERFLOW") != "" {
		r.Profile = transport.Profile{Capacity: 100, Overflow: transport.DropOldest}
	}
	r.Receive = transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
		handled(d.ID)
		return nil
	})
	_, err := n.Subscribe(context.Background(), r)
	check(err)
	fmt.Println("ready")
	select {}
}

// publisher is a process that publishes without end, many at a time, and notes of what it
// knows that it was accepted.
func publisher() {
	accepted := note()
	n := opened(zeromq.Config{Node: "web"})
	fmt.Println("ready")
	type begun struct {
		id string
		p  transport.Pending
	}
	window := make(chan begun, 1500)
	go func() {
		for b := range window {
			if b.p.Wait(context.Background()) == nil {
				accepted(b.id)
			}
		}
	}()
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d-%d", os.Getpid(), i)
		p, err := n.Begin(context.Background(), job(id))
		check(err)
		window <- begun{id, p}
	}
}

func job(id string) *transport.Message {
	return &transport.Message{Envelope: transport.Envelope{ID: id, Topic: "event.job.do"}, Body: []byte(id)}
}

// ledger reads the ids in a file, and how often each is there.
func ledger(t *testing.T, name string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for line := range strings.Lines(string(b)) {
		if id, whole := strings.CutSuffix(line, "\n"); whole {
			ids[id]++
		}
	}
	return ids
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never happened that %s", what)
		}
	}
}
