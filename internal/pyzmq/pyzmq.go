// Package pyzmq runs programs that use libzmq by its Python binding, as peers in tests. They say
// what they hear in lines of JSON, and are told what to send by such lines.
package pyzmq

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/debian"
)

// Heard is a line of what a program says.
type Heard struct {
	Ready, Disconnected bool
	Topic               string
	Envelope            map[string]any
	Payload             any
}

// patience is how long a program may take for what it is to do.
const patience = 20 * time.Second

// Program is one that runs. It ends with the test.
type Program struct {
	Lines <-chan Heard // closed when it has ended

	tb  testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
}

// Start runs a file with arguments. Without Python and its binding, which are Debian's, the
// test is skipped as debian.Unpack says.
func Start(tb testing.TB, file string, args ...string) *Program {
	tb.Helper()
	root := debian.Unpack(tb, "python3-zmq", "python3-msgpack")
	cmd, err := root.Command(context.Background(), "python3", append([]string{file}, args...)...)
	if err != nil {
		tb.Fatal(err)
	}
	lines := make(chan Heard, 1000)
	p := &Program{Lines: lines, tb: tb, cmd: cmd}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		p.in, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	go p.read(out, lines)
	tb.Cleanup(p.stop)
	return p
}

func (p *Program) read(out io.Reader, lines chan<- Heard) {
	defer close(lines)
	for s := bufio.NewScanner(out); s.Scan(); {
		var h Heard
		if err := json.Unmarshal(s.Bytes(), &h); err != nil {
			p.tb.Errorf("%s: %v", s.Bytes(), err)
			continue
		}
		lines <- h
	}
}

// stop ends its input, and waits until it has ended.
func (p *Program) stop() {
	_ = p.in.Close()
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	for range p.Lines { // until it has ended
	}
	_ = p.cmd.Wait()
}

// Next waits for what it says next.
func (p *Program) Next() Heard {
	p.tb.Helper()
	select {
	case h, ok := <-p.Lines:
		if !ok {
			p.tb.Fatal("the program has ended")
		}
		return h
	case <-time.After(patience):
		p.tb.Fatal("the program says nothing")
		return Heard{}
	}
}

// Ready waits until it says that it is.
func (p *Program) Ready() {
	p.tb.Helper()
	if h := p.Next(); !h.Ready {
		p.tb.Fatalf("%+v", h)
	}
}

// Do gives it a message to send.
func (p *Program) Do(topic string, envelope map[string]any, payload any) {
	p.tb.Helper()
	b, err := json.Marshal(map[string]any{"topic": topic, "envelope": envelope, "payload": payload})
	if err != nil {
		p.tb.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		p.tb.Fatal(err)
	}
}
