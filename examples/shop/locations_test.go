package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
)

// spot is where a machine runs, seen from the one of the orders, and by what its events
// travel.
type spot string

const (
	direct spot = "direct" // in the same process, called
	memory spot = "memory" // in the same process
	unix   spot = "unix"   // in a process of the same host, as the others below
	zeromq spot = "zeromq"
	amqp   spot = "amqp" // on another host
	tcp    spot = "zeromq over tcp"
)

// places are all spots.
var places = []spot{direct, memory, unix, zeromq, amqp, tcp}

func (p spot) inProcess() bool { return p == direct || p == memory }

// transport is what a link says that goes there.
func (p spot) transport() string {
	if p == tcp {
		return "zeromq"
	}
	return string(p)
}

// TestLocations has the shop's machines run wherever they can, and their events travel by
// everything that there is: the tallies are the same, every order's changes are seen in order,
// and main.go is the one beside this test. With XSGEN_LOCATIONS=all it tries all
// combinations, otherwise each location once for each machine.
func TestLocations(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs")
	}
	xsgen := generator(t)
	agreed := 0
	for i, payment := range places {
		for j, shipping := range places {
			if (i+1)%len(places) != j && !everything() {
				continue
			}
			t.Run(fmt.Sprintf("payment %s, shipping %s", payment, shipping), func(t *testing.T) {
				s := newStage(t, payment, shipping)
				s.build(t, xsgen)
				s.check(t, 400, few)
				if !t.Failed() {
					agreed++
				}
			})
		}
	}
	if everything() {
		t.Logf("%d of %d combinations of locations agree", agreed, len(places)*len(places))
		if agreed < len(places)*len(places) {
			t.Error("not all of them")
		}
	}
}

// everything reports whether the longer proofs are wanted.
func everything() bool { return os.Getenv("XSGEN_LOCATIONS") == "all" }

// generator compiles xsgen.
func generator(t *testing.T) string {
	t.Helper()
	xsgen := filepath.Join(t.TempDir(), "xsgen.exe")
	goTool(t, "build", "-o", xsgen, "../../cmd/xsgen")
	return xsgen
}

// stage is a program made of the shop's code and of a topology that was changed.
type stage struct {
	dir     string // where its specs are, and what is generated of them
	program string
	env     []string
	banks   int // processes of the bank
}

// newStage has the topology edited, besides what the places of machines need: in edits are pairs
// of what stands there and what is to stand there.
func newStage(t *testing.T, payment, shipping spot, edits ...string) *stage {
	s := &stage{dir: t.TempDir(), banks: 2}
	if payment.inProcess() || payment == tcp { // processes of one node cannot all listen at one address
		s.banks = 1
	}
	s.program = filepath.Join(s.dir, "shop.exe")
	// The paths of sockets are short.
	sockets, err := os.MkdirTemp("", "shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	s.env = append(os.Environ(), "SHOP_DIR="+sockets)
	if payment == amqp || shipping == amqp {
		s.env = append(s.env, "AMQP_URL="+rabbit.Own(t).URL, "SHOP_PREFIX="+filepath.Base(sockets))
	}
	for _, node := range []string{"WEB", "BANK", "DEPOT"} {
		s.env = append(s.env, node+"_LISTEN="+freeAddress(t))
	}
	s.specs(t, payment, shipping, edits)
	return s
}

// freeAddress is an address at which nobody listens.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// specs writes the specs, with the machines where they are wanted.
func (s *stage) specs(t *testing.T, payment, shipping spot, edits []string) {
	edit := func(from, to string) { edits = append(edits, from, to) }
	// Sockets are in a directory of the test's own, whoever else sells on this machine.
	edit("transports:\n", "transports:\n  zeromq: {dir: \"${SHOP_DIR}/zeromq\"}\n")
	web := "order"
	if payment.inProcess() {
		web += ", payment"
		edit("bank:  {host: app-1, machines: [payment], replicas: 2}", "bank: {host: app-1}")
	} else {
		for _, link := range []string{"sends: till", "emits: charged", "emits: declined"} {
			edit(link, "via: "+payment.transport()+", "+link)
		}
	}
	if payment == direct {
		edit("sends: till, to: tills, profile: money", "sends: till, to: payment, inline: true")
		edit("groups:\n  tills: {machine: payment, policy: least-loaded}\n", "")
	}
	if payment == tcp {
		edit("hosts:\n", "hosts:\n  bank-1: {}\n")
		edit("bank:  {host: app-1, machines: [payment], replicas: 2}", `bank: {host: bank-1, machines: [payment], listen: "tcp://${BANK_LISTEN}"}`)
	}
	switch shipping {
	case direct:
		edit("sends: carrier, to: shipping, profile: money", "sends: carrier, to: shipping, inline: true")
		fallthrough
	case memory:
		web += ", shipping"
		edit("depot: {host: depot-1, machines: [shipping]}", "depot: {host: app-1}")
	case unix, zeromq:
		edit("depot: {host: depot-1,", "depot: {host: app-1,")
		edit("same-machine: unix", "same-machine: "+shipping.transport())
	case tcp:
		edit("machines: [shipping]", `machines: [shipping], listen: "tcp://${DEPOT_LISTEN}"`)
		edit("remote: amqp", "remote: zeromq")
	}
	web = "machines: [" + web + "]"
	if payment == tcp || shipping == tcp {
		web += `, listen: "tcp://${WEB_LISTEN}"`
	}
	edit("machines: [order]", web)
	s.write(t, edits)
}

// write copies the specs, and edits the topology.
func (s *stage) write(t *testing.T, edits []string) {
	specs, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(s.dir, "examples", "shop")
	errs := []error{
		os.MkdirAll(at, 0o700),
		os.WriteFile(filepath.Join(s.dir, "go.mod"), []byte("module github.com/xsgen/xsgen\n\ngo 1.26\n"), 0o600),
	}
	for _, name := range specs {
		text, err := os.ReadFile(name)
		if name == "shop.topology.yaml" {
			for i := 0; i < len(edits); i += 2 {
				if !bytes.Contains(text, []byte(edits[i])) {
					t.Fatalf("the topology has no %q any more", edits[i])
				}
				text = bytes.ReplaceAll(text, []byte(edits[i]), []byte(edits[i+1]))
			}
		}
		errs = append(errs, err, os.WriteFile(filepath.Join(at, name), text, 0o600))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// build generates, and compiles main.go and what is beside it with what was generated.
func (s *stage) build(t *testing.T, xsgen string) {
	generate := exec.Command(xsgen, "generate", ".")
	generate.Dir = s.dir
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	replaced := map[string]string{}
	for _, pattern := range []string{"*/*_xsgen.go", "*/*/*_xsgen.go"} {
		for _, root := range []string{here, filepath.Join(s.dir, "examples", "shop")} {
			files, _ := filepath.Glob(filepath.Join(root, pattern))
			for _, f := range files {
				name, _ := filepath.Rel(root, f)
				replaced[filepath.Join(here, name)] = "" // what is not generated any more
				if root != here {
					replaced[filepath.Join(here, name)] = f
				}
			}
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	file := filepath.Join(s.dir, "overlay.json")
	if err := errors.Join(err, os.WriteFile(file, overlay, 0o600)); err != nil {
		t.Fatal(err)
	}
	goTool(t, "build", "-overlay", file, "-o", s.program, ".")
}

func goTool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// check runs the program, all nodes in one process and each in its own.
func (s *stage) check(t *testing.T, orders int, want string) {
	if got := s.together(t, "-orders", fmt.Sprint(orders)).all; got != want {
		t.Errorf("together they say\n%s", got)
	}
	if got := s.apart(t, "-orders", fmt.Sprint(orders)).all; got != want {
		t.Errorf("apart they say\n%s", got)
	}
}

// together runs all nodes in one process until the web is done.
func (s *stage) together(t *testing.T, args ...string) *proc {
	all := s.start(t, args...)
	all.all = all.output(t)
	return all
}

// apart runs each node in a process of its own until the web is done, and returns the web's.
func (s *stage) apart(t *testing.T, args ...string) *proc {
	others := []*proc{s.start(t, "-node", "depot")}
	for i := range s.banks {
		others = append(others, s.start(t, "-node", "bank", "-replica", fmt.Sprint(i)))
	}
	for _, p := range others {
		p.ready(t)
	}
	web := s.start(t, append(args, "-node", "web")...)
	web.all = web.output(t)
	for _, p := range others {
		p.terminate(t)
		web.all += p.output(t)
	}
	return web
}

// proc is a process of the shop.
type proc struct {
	*exec.Cmd
	args   []string
	what   string
	out    bytes.Buffer
	errs   lockedBuffer
	all    string // what it and those that it needs have said
	ended  chan struct{}
	result error
}

// lockedBuffer is looked at while the process still writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// patience is how long a process may take; what takes longer says where it stands.
const patience = 90 * time.Second

func (s *stage) start(t *testing.T, args ...string) *proc {
	t.Helper()
	p := &proc{Cmd: exec.Command(s.program, args...), args: args, what: strings.Join(args, " "), ended: make(chan struct{})}
	p.Env, p.Stdout, p.Stderr = s.env, &p.out, &p.errs
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.result = p.Wait()
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
	})
	return p
}

// ready waits until the process says that it is.
func (p *proc) ready(t *testing.T) {
	t.Helper()
	until := time.After(patience)
	for !strings.Contains(p.errs.String(), "ready\n") {
		select {
		case <-p.ended:
			t.Fatalf("%s has ended: %s", p.what, &p.errs)
		case <-until:
			t.Fatalf("%s is not ready: %s", p.what, &p.errs)
		case <-time.After(time.Millisecond):
		}
	}
}

// terminate asks the process to end.
func (p *proc) terminate(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("%s: %v", p.what, err)
	}
}

// output waits for the process's end, and returns what it has said.
func (p *proc) output(t *testing.T) string {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.Process.Signal(syscall.SIGQUIT)
		<-p.ended
	}
	if p.result != nil {
		t.Errorf("%s: %v\n%s", p.what, p.result, &p.errs)
	}
	return p.out.String()
}
