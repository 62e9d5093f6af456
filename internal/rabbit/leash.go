package rabbit

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// leash is a program that ends with this process, however that ends: a shell waits for
// the end of a pipe, of which this process has the other end, and kills the program then.
type leash struct {
	cmd   *exec.Cmd
	pipe  io.Closer
	log   string
	ended chan struct{} // closed when the program has ended
}

// holds runs a program, and kills it when the pipe ends. The server's script has the server
// as a child, whose id is in a file; the name server, which lives as long as the broker,
// takes the directory with it.
const holds = `
dir=$1; shift
trap '' INT HUP TERM
"$@" </dev/null 3<&- &
program=$!
{
	cat <&3
	case $1 in
	*rabbitmq-server) kill -KILL $(cat "$dir/pid") $program ;;
	*) kill -KILL $program; sleep 1; rm -rf "$dir" ;;
	esac
} >/dev/null 2>&1 &
watcher=$!
wait $program
kill -KILL $watcher 2>/dev/null
`

// hold starts a program on a leash.
func (b *Broker) hold(program string, args ...string) (*leash, error) {
	log := filepath.Join(b.dir, filepath.Base(program)+".out")
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", holds, "leash", b.dir, program}, args...)...)
	cmd.Dir = b.dir // where Erlang leaves what it says when it crashes
	cmd.Env = append(os.Environ(), b.env...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, []*os.File{r}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is for the tests
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	l := &leash{cmd: cmd, pipe: w, log: log, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its output
		_ = w.Close()
		close(l.ended)
	}()
	return l, nil
}

// close ends the program.
func (l *leash) close() error {
	err := l.pipe.Close()
	<-l.ended
	if errors.Is(err, os.ErrClosed) {
		return nil // it had ended
	}
	return err
}

// output is what the program has printed last.
func (l *leash) output() string {
	text, err := os.ReadFile(l.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}
